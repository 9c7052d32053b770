-- Transfers of a hold exist only once it is settled.
SELECT t.id, t.hold_id, h.state FROM wallets_transfer t JOIN wallets_hold h ON h.id = t.hold_id WHERE h.state <> 'settled'
