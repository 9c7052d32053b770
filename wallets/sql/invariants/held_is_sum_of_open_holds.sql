-- What a wallet holds is the sum of its open holds.
-- looks at: wallets_wallet
SELECT w.organisation_id, w.held, coalesce(h.total, 0) AS by_holds
FROM wallets_wallet w LEFT JOIN (
  SELECT organisation_id, sum(amount) AS total FROM wallets_hold WHERE state = 'open' GROUP BY organisation_id) h
  USING (organisation_id)
WHERE w.held <> coalesce(h.total, 0)
