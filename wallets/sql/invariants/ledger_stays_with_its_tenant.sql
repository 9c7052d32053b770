-- A transfer's lot and hold belong to the same organisation as the transfer.
-- looks at: wallets_changed_transfers(%(since)s)
SELECT t.id, t.organisation_id, g.id AS lot, h.id AS hold FROM wallets_changed_transfers(%(since)s) t
LEFT JOIN wallets_grant g ON g.id = t.grant_id LEFT JOIN wallets_hold h ON h.id = t.hold_id
WHERE g.organisation_id <> t.organisation_id OR h.organisation_id <> t.organisation_id
