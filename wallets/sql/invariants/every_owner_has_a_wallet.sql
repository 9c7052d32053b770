-- Whoever has lots, holds or transfers has a wallet row, so that the other checks see all of them.
-- looks at: wallets_wallet
-- Between the organisations of two wallets next to each other nobody has any: one look into an index for each gap,
-- however long the histories are. Of several in one gap the first is told.
WITH gap AS (
  SELECT coalesce(lag(organisation_id) OVER (ORDER BY organisation_id), 0) AS above, organisation_id AS below FROM wallets_wallet
  UNION ALL SELECT coalesce(max(organisation_id), 0), 9223372036854775807 FROM wallets_wallet
)
SELECT DISTINCT x.organisation_id FROM (SELECT * FROM gap WHERE below - above > 1) g CROSS JOIN LATERAL (
  (SELECT organisation_id FROM wallets_transfer WHERE organisation_id > above AND organisation_id < below ORDER BY 1 LIMIT 1)
  UNION ALL (SELECT organisation_id FROM wallets_hold WHERE organisation_id > above AND organisation_id < below ORDER BY 1 LIMIT 1)
  UNION ALL (SELECT organisation_id FROM wallets_grant WHERE organisation_id > above AND organisation_id < below ORDER BY 1 LIMIT 1)) x
