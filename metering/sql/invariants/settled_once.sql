-- Every settled hold has exactly one first usage record, every other hold has none.
SELECT h.id, h.state, count(u.id) FROM wallets_hold h LEFT JOIN metering_usagerecord u ON u.hold_id = h.id AND u.revision = 0
GROUP BY h.id, h.state HAVING count(u.id) <> CASE WHEN h.state = 'settled' THEN 1 ELSE 0 END
