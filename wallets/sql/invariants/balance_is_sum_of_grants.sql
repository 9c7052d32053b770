-- A wallet's balance is what remains of its lots.
-- looks at: wallets_wallet
SELECT w.organisation_id, w.balance, coalesce(g.total, 0) AS by_grants
FROM wallets_wallet w LEFT JOIN (
  SELECT organisation_id, sum(remaining) AS total FROM wallets_grant WHERE remaining > 0 GROUP BY organisation_id) g
  USING (organisation_id)
WHERE w.balance <> coalesce(g.total, 0)
