-- A remembered key's hold belongs to the same organisation as the key.
-- looks at: wallets_idempotencyrecord
-- nightly: keys have no index by time
SELECT r.id, r.organisation_id, h.organisation_id AS of_hold
FROM wallets_idempotencyrecord r JOIN wallets_hold h ON h.id = r.hold_id WHERE h.organisation_id <> r.organisation_id
