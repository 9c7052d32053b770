-- A wallet knows from when on one of its lots has to be looked at: an expired lot is never taken for a good one.
-- looks at: wallets_changed_grants(%(since)s)
SELECT g.id, g.organisation_id, g.expires_at, g.barred_at, w.due_at
FROM wallets_changed_grants(%(since)s) g JOIN wallets_wallet w ON w.organisation_id = g.organisation_id
WHERE g.remaining > 0 AND least(g.expires_at, g.barred_at, 'infinity') < coalesce(w.due_at, 'infinity')
