-- Every absorbed overrun has its alert, with the same amount.
SELECT u.id, u.absorbed, a.absorbed FROM metering_usagerecord u LEFT JOIN metering_overrunalert a ON a.usage_id = u.id
WHERE (u.absorbed > 0 OR a.id IS NOT NULL) AND u.absorbed IS DISTINCT FROM a.absorbed
