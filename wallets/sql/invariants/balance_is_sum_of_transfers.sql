-- A wallet's balance is what its transfers brought in less what they took out.
-- looks at: wallets_wallet, wallets_changed_transfers(%(since)s)
-- Before the changes stands the running balance of the transfer before them; looking at everything, nothing.
SELECT w.organisation_id, w.balance, coalesce(opening.balance, 0) + coalesce(t.total, 0) AS by_transfers
FROM wallets_wallet w LEFT JOIN (
  SELECT organisation_id, sum(wallets_change(debit, credit, amount)) AS total
  FROM wallets_changed_transfers(%(since)s) GROUP BY organisation_id) t USING (organisation_id)
LEFT JOIN LATERAL (
  SELECT balance_after AS balance FROM wallets_transfer b WHERE b.organisation_id = w.organisation_id AND b.posted_at < %(since)s
  ORDER BY b.posted_at DESC, b.id DESC LIMIT 1) opening ON true
WHERE w.balance <> coalesce(opening.balance, 0) + coalesce(t.total, 0)
