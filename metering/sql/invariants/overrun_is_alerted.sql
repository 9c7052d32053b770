-- Every absorbed overrun has its alert, with the same amount.
-- looks at: metering_changed_usage(%(since)s)
SELECT u.id, u.absorbed, a.absorbed AS alerted FROM metering_changed_usage(%(since)s) u
LEFT JOIN metering_overrunalert a ON a.usage_id = u.id
WHERE (u.absorbed > 0 OR a.id IS NOT NULL) AND u.absorbed IS DISTINCT FROM a.absorbed
