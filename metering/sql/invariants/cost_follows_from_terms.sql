-- A usage record whose leaves all have a rate of their own, at one size class and tier, costs what its terms say.
WITH single AS (
  SELECT h.id FROM wallets_hold h, jsonb_to_recordset(h.terms -> 'rates') AS r (leaf text, tier text, class_above bigint)
  GROUP BY h.id HAVING count(DISTINCT (r.tier, r.class_above)) = 1
), priced AS (
  SELECT u.id, u.cost, u.list_cost, (h.terms ->> 'markup')::numeric AS markup,
         sum(l.value::numeric * r.per_million) * 0.000001 AS exact, bool_and(r.per_million IS NOT NULL) AS complete
  FROM single s JOIN wallets_hold h ON h.id = s.id JOIN metering_usagerecord u ON u.hold_id = h.id AND u.revision = 0
  CROSS JOIN jsonb_each_text(u.leaves) l
  LEFT JOIN LATERAL (SELECT (x ->> 'per_million')::numeric AS per_million FROM jsonb_array_elements(h.terms -> 'rates') x
                     WHERE x ->> 'leaf' = l.key) r ON true
  GROUP BY u.id, u.cost, u.list_cost, h.terms ->> 'markup'
)
SELECT id, cost, exact * markup FROM priced
WHERE complete AND (cost <> round(exact * markup, 9) OR list_cost <> round(exact, 9))
