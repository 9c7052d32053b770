-- What remains of a grant is its amount less what its transfers took, and one transfer brought it in.
SELECT g.id, g.organisation_id, g.amount, g.remaining, t.brought, t.taken
FROM wallets_grant g LEFT JOIN (
  SELECT grant_id, coalesce(sum(amount) FILTER (WHERE kind = 'grant'), 0) AS brought,
         coalesce(sum(amount) FILTER (WHERE kind IN ('usage', 'correction')), 0) AS taken
  FROM wallets_transfer WHERE grant_id IS NOT NULL GROUP BY grant_id) t ON t.grant_id = g.id
WHERE g.amount IS DISTINCT FROM t.brought OR g.remaining IS DISTINCT FROM g.amount - t.taken
