-- A usage record whose leaves all have a rate of their own, at one size class and tier, costs what its terms say.
-- looks at: metering_changed_usage(%(since)s)
WITH single AS (
  SELECT t.digest, (t.body ->> 'markup')::numeric AS markup, array_agg(r.leaf) FILTER (WHERE r.per_million IS NOT NULL) AS leaves
  FROM wallets_terms t, jsonb_to_recordset(t.body -> 'rates') AS r (leaf text, tier text, class_above bigint, per_million numeric)
  GROUP BY t.digest HAVING count(DISTINCT (r.tier, r.class_above)) = 1
), rate AS MATERIALIZED (
  SELECT s.*, r.leaf, r.per_million * 0.000001 AS price FROM single s JOIN wallets_terms t USING (digest),
    jsonb_to_recordset(t.body -> 'rates') AS r (leaf text, per_million numeric) WHERE r.per_million IS NOT NULL
), used AS MATERIALIZED (
  SELECT u.id, u.cost, u.list_cost, u.leaves, coalesce(u.terms_id, h.terms_id) AS digest
  FROM metering_changed_usage(%(since)s) u LEFT JOIN wallets_hold h ON h.id = u.hold_id WHERE u.revision = 0
), priced AS (
  SELECT u.id, u.cost, u.list_cost, r.markup, coalesce(sum((u.leaves ->> r.leaf)::numeric * r.price), 0) AS exact
  FROM used u JOIN rate r USING (digest) WHERE u.leaves - r.leaves = '{}' GROUP BY u.id, u.cost, u.list_cost, r.markup
)
SELECT id, cost, exact * markup AS by_terms FROM priced WHERE cost <> round(exact * markup, 9) OR list_cost <> round(exact, 9)
