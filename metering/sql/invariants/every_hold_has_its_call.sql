-- Every hold has the row that says which call it is for, in the same organisation.
-- looks at: wallets_changed_holds(%(since)s)
SELECT h.id FROM wallets_changed_holds(%(since)s) h LEFT JOIN metering_call c ON c.hold_id = h.id
WHERE c.hold_id IS NULL OR c.organisation_id <> h.organisation_id
