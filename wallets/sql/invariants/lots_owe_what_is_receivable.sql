-- What a lot owes is what was taken back of it and could not be collected so far; only then it is barred.
-- looks at: wallets_clawback, wallets_changed_grants(%(since)s)
SELECT g.id, g.organisation_id, g.owed, g.barred_at, coalesce(r.open, 0) AS receivable
FROM wallets_wallet w JOIN wallets_grant g ON g.organisation_id = w.organisation_id LEFT JOIN (
  SELECT c.grant_id, sum(CASE 'receivable' WHEN t.debit THEN t.amount WHEN t.credit THEN -t.amount END) AS open
  FROM wallets_clawback c JOIN wallets_transfer t ON t.claw_back_id = c.id GROUP BY c.grant_id) r ON r.grant_id = g.id
WHERE (w.last_posted_at >= %(since)s OR r.open <> 0)
  AND (g.owed <> coalesce(r.open, 0) OR (g.barred_at IS NULL) <> (g.owed = 0))
