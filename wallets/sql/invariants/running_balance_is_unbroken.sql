-- Each transfer's running balance follows from the one before it, and no transfer is dated before an earlier one.
-- looks at: wallets_changed_transfers(%(since)s)
SELECT id, organisation_id, amount, balance_after, before FROM (
  SELECT t.*, coalesce(t.previous, (
    SELECT b.balance_after FROM wallets_transfer b WHERE b.organisation_id = t.organisation_id AND b.posted_at < %(since)s
    ORDER BY b.posted_at DESC, b.id DESC LIMIT 1), 0) AS before
  FROM (
    SELECT id, organisation_id, amount, balance_after, posted_at, wallets_change(debit, credit, amount) AS change,
           lag(balance_after) OVER one AS previous, lag(posted_at) OVER one AS earlier
    FROM wallets_changed_transfers(%(since)s) WINDOW one AS (PARTITION BY organisation_id ORDER BY id)) t) t
WHERE balance_after <> before + change OR posted_at < earlier
