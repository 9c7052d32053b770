-- What running calls hold is covered, to the last digit, by lots that they may spend.
-- looks at: wallets_hold WHERE state = 'open'
SELECT w.organisation_id, w.held, c.total AS covered FROM wallets_wallet w
CROSS JOIN LATERAL (SELECT coalesce(sum(covered), 0) AS total FROM wallets_covered(w.organisation_id)) c
WHERE w.held > 0 AND c.total <> w.held
