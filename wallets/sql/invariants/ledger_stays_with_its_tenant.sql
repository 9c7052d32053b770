-- A transfer's grant and hold, and a remembered key's hold, belong to the same organisation.
SELECT 'transfer' AS what, t.id FROM wallets_transfer t JOIN wallets_grant g ON g.id = t.grant_id WHERE g.organisation_id <> t.organisation_id
UNION ALL SELECT 'transfer', t.id FROM wallets_transfer t JOIN wallets_hold h ON h.id = t.hold_id WHERE h.organisation_id <> t.organisation_id
UNION ALL SELECT 'key', r.id FROM wallets_idempotencyrecord r JOIN wallets_hold h ON h.id = r.hold_id WHERE h.organisation_id <> r.organisation_id
