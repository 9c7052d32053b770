-- Each transfer's running balance follows from the one before it, and no transfer is dated before an earlier one.
SELECT id, organisation_id, amount, balance_after, before FROM (
  SELECT id, organisation_id, amount, balance_after, posted_at,
         CASE WHEN credit LIKE 'credits\_%' THEN amount WHEN debit LIKE 'credits\_%' THEN -amount ELSE 0 END AS change,
         coalesce(lag(balance_after) OVER w, 0) AS before, lag(posted_at) OVER w AS earlier
  FROM wallets_transfer WINDOW w AS (PARTITION BY organisation_id ORDER BY id)) t
WHERE balance_after <> before + change OR posted_at < earlier
