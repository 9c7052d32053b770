-- Every settled hold has a first usage record (a constraint keeps it the only one), every other hold has none.
-- looks at: wallets_changed_holds(%(since)s), metering_changed_usage(%(since)s)
SELECT h.id, h.state FROM wallets_changed_holds(%(since)s) h
WHERE h.state = 'settled' AND NOT EXISTS (SELECT FROM metering_usagerecord u WHERE u.hold_id = h.id AND u.revision = 0)
UNION ALL
SELECT h.id, h.state FROM metering_changed_usage(%(since)s) u JOIN wallets_hold h ON h.id = u.hold_id WHERE h.state <> 'settled'
