-- No figure of a wallet, lot or hold is negative, nothing holds more than there is, and a transfer has two accounts.
-- looks at: wallets_wallet, wallets_changed_grants(%(since)s), wallets_changed_holds(%(since)s), wallets_changed_transfers(%(since)s)
SELECT 'wallet' AS what, organisation_id::text AS id FROM wallets_wallet WHERE balance < 0 OR held < 0 OR held > balance
UNION ALL SELECT 'lot', id::text FROM wallets_changed_grants(%(since)s) WHERE remaining < 0 OR remaining > amount
UNION ALL SELECT 'hold', id::text FROM wallets_changed_holds(%(since)s) WHERE amount < 0 OR accrued < 0 OR accrued > amount
UNION ALL SELECT 'transfer', id::text FROM wallets_changed_transfers(%(since)s)
WHERE amount <= 0 OR balance_after < 0 OR debit = credit
