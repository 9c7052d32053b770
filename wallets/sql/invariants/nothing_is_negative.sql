-- No figure of a wallet, grant or hold is negative, and nothing holds more than there is.
SELECT 'wallet' AS what, organisation_id::text AS id FROM wallets_wallet WHERE balance < 0 OR held < 0 OR held > balance
UNION ALL SELECT 'grant', id::text FROM wallets_grant WHERE remaining < 0 OR remaining > amount
UNION ALL SELECT 'hold', id::text FROM wallets_hold WHERE amount < 0 OR accrued < 0 OR accrued > amount
UNION ALL SELECT 'transfer', id::text FROM wallets_transfer WHERE amount <= 0 OR balance_after < 0
