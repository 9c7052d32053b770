-- Whoever has grants, holds or transfers has a wallet row, so that the sums above see all of them.
SELECT DISTINCT x.organisation_id FROM (
  SELECT organisation_id FROM wallets_grant UNION SELECT organisation_id FROM wallets_hold
  UNION SELECT organisation_id FROM wallets_transfer) x
WHERE NOT EXISTS (SELECT FROM wallets_wallet w WHERE w.organisation_id = x.organisation_id)
