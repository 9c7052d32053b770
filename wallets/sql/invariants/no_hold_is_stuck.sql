-- No hold stays open five minutes past its expiry: the sweeper ends it.
-- looks at: wallets_hold WHERE state = 'open'
SELECT id, organisation_id, amount, expires_at FROM wallets_hold
WHERE state = 'open' AND expires_at < billing_now() - interval '5 minutes'
