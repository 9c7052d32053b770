-- A usage record's day is the billing day of its posting, and it was posted when its ledger rows were.
SELECT u.id, u.local_day, u.posted_at FROM metering_usagerecord u JOIN organisations_organisation o ON o.id = u.organisation_id
WHERE u.local_day <> billing_day(u.posted_at, o.billing_zone)
   OR EXISTS (SELECT FROM wallets_transfer t WHERE t.hold_id = u.hold_id AND t.posted_at <> u.posted_at AND u.revision = 0)
