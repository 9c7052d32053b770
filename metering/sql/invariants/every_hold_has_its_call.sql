-- Every hold has the row that says which call it is for, in the same organisation.
SELECT h.id FROM wallets_hold h LEFT JOIN metering_call c ON c.hold_id = h.id
WHERE c.hold_id IS NULL OR c.organisation_id <> h.organisation_id
