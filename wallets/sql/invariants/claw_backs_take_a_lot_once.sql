-- All claw-backs of a lot that stand take no more than was bought, each as much as it posted; one given back, nothing.
-- looks at: wallets_clawback
SELECT 'lot' AS what, g.id, g.organisation_id, g.amount, sum(c.amount) AS taken
FROM wallets_clawback c JOIN wallets_grant g ON g.id = c.grant_id WHERE c.given_back_at IS NULL
GROUP BY g.id HAVING sum(c.amount) > g.amount OR g.kind <> 'paid'
UNION ALL
SELECT 'claw-back', c.id, c.organisation_id, c.amount, coalesce(t.posted, 0)
FROM wallets_clawback c LEFT JOIN LATERAL (
  SELECT sum(q.amount) FILTER (WHERE q.kind = 'claw_back') AS posted,
    sum(CASE WHEN q.kind = 'claw_back' THEN q.amount WHEN o.kind = 'claw_back' THEN -q.amount END) AS stands
  FROM wallets_transfer q LEFT JOIN wallets_transfer o ON o.id = q.corrects_id WHERE q.claw_back_id = c.id) t ON true
WHERE coalesce(t.posted, 0) <> c.amount
   OR coalesce(t.stands, 0) <> CASE WHEN c.given_back_at IS NULL THEN c.amount ELSE 0 END
