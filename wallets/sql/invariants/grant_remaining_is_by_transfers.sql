-- What remains of a lot is what its transfers brought in less what they took, and its amount is what they brought.
-- looks at: wallets_changed_grants(%(since)s), wallets_changed_transfers(%(since)s)
-- Of a lot that is older than the changes: what remained before them was not below zero and not above its amount.
SELECT g.id, g.organisation_id, g.amount, g.remaining, t.brought, t.total
FROM wallets_changed_grants(%(since)s) g LEFT JOIN (
  SELECT grant_id, sum(wallets_change(debit, credit, amount)) AS total,
         sum(amount) FILTER (WHERE kind <> 'correction' AND wallets_change(debit, credit, amount) > 0) AS brought
  FROM wallets_changed_transfers(%(since)s) WHERE grant_id IS NOT NULL GROUP BY grant_id) t ON t.grant_id = g.id
WHERE CASE WHEN g.granted_at >= %(since)s THEN (g.remaining, g.amount) IS DISTINCT FROM (t.total, t.brought)
           ELSE g.remaining - coalesce(t.total, 0) NOT BETWEEN 0 AND g.amount END
