-- Whoever has lots, holds or transfers has a wallet row, so that the other checks see all of them.
-- looks at: wallets_wallet
-- From one owner to the next through an index: as many steps as there are owners, however long their histories.
WITH RECURSIVE posted (id) AS (
  SELECT min(organisation_id) FROM wallets_transfer
  UNION ALL SELECT (SELECT min(organisation_id) FROM wallets_transfer t WHERE t.organisation_id > posted.id) FROM posted WHERE id IS NOT NULL
), called (id) AS (
  SELECT min(organisation_id) FROM wallets_hold
  UNION ALL SELECT (SELECT min(organisation_id) FROM wallets_hold h WHERE h.organisation_id > called.id) FROM called WHERE id IS NOT NULL
), given (id) AS (
  SELECT min(organisation_id) FROM wallets_grant
  UNION ALL SELECT (SELECT min(organisation_id) FROM wallets_grant g WHERE g.organisation_id > given.id) FROM given WHERE id IS NOT NULL
)
SELECT x.id AS organisation_id FROM (SELECT id FROM posted UNION SELECT id FROM called UNION SELECT id FROM given) x
WHERE x.id IS NOT NULL AND NOT EXISTS (SELECT FROM wallets_wallet w WHERE w.organisation_id = x.id)
