-- Five minutes after a lot expired or was barred, no more is left of it than running calls may need.
-- looks at: wallets_wallet WHERE due_at IS NOT NULL
-- What a call leaves that ended lately is taken by the next run of the sweeper.
SELECT g.id, g.organisation_id, g.remaining, c.covered, least(g.expires_at, g.barred_at) AS due_since
FROM wallets_wallet w CROSS JOIN LATERAL wallets_covered(w.organisation_id) c JOIN wallets_grant g ON g.id = c.lot
WHERE w.due_at < billing_now() - interval '5 minutes' AND least(g.expires_at, g.barred_at) < billing_now() - interval '5 minutes'
  AND g.remaining > c.covered AND (g.expires_at IS NOT NULL OR g.owed > 0) AND NOT EXISTS (
    SELECT FROM wallets_hold h WHERE h.organisation_id = w.organisation_id AND h.ended_at > billing_now() - interval '5 minutes')
