-- A usage record's day is the billing day of its posting, in the zone of that time.
-- looks at: metering_changed_usage(%(since)s)
-- A zone changed since leaves old days as they were cut; the audit trail says when it was.
SELECT u.id, u.local_day, u.posted_at FROM metering_changed_usage(%(since)s) u
JOIN organisations_organisation o ON o.id = u.organisation_id
WHERE u.local_day <> billing_day(u.posted_at, o.billing_zone) AND NOT EXISTS (
  SELECT FROM organisations_auditentry a WHERE a."table" = 'organisations_organisation' AND a."row" = o.id
    AND a.action = 'update' AND a.after ? 'billing_zone' AND a.at > u.posted_at)
