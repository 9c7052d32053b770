-- Transfers of a hold exist only once it is settled.
-- looks at: wallets_changed_transfers(%(since)s)
SELECT t.id, t.hold_id, h.state FROM wallets_changed_transfers(%(since)s) t JOIN wallets_hold h ON h.id = t.hold_id
WHERE h.state <> 'settled'
