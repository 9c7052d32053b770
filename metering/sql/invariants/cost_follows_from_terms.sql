-- A usage record whose leaves all have a rate of their own, at one size class and tier, costs what its terms say.
-- looks at: metering_changed_usage(%(since)s)
WITH single AS (
  SELECT t.digest, (t.body ->> 'markup')::numeric AS markup, jsonb_object_agg(r.leaf, r.per_million) AS rates
  FROM wallets_terms t, jsonb_to_recordset(t.body -> 'rates') AS r (leaf text, tier text, class_above bigint, per_million numeric)
  GROUP BY t.digest HAVING count(DISTINCT (r.tier, r.class_above)) = 1
)
SELECT u.id, u.cost, p.exact * s.markup AS by_terms
FROM metering_changed_usage(%(since)s) u LEFT JOIN wallets_hold h ON h.id = u.hold_id
JOIN single s ON s.digest = coalesce(u.terms_id, h.terms_id)
CROSS JOIN LATERAL (
  SELECT sum(l.value::numeric * (s.rates ->> l.key)::numeric) * 0.000001 AS exact, bool_and(s.rates ->> l.key IS NOT NULL) AS complete
  FROM jsonb_each_text(u.leaves) l) p
WHERE u.revision = 0 AND p.complete AND (u.cost <> round(p.exact * s.markup, 9) OR u.list_cost <> round(p.exact, 9))
