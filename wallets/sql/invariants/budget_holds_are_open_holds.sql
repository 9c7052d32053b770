-- What a budget's period holds is what the open holds that name it hold, all of the budget's organisation.
-- looks at: wallets_budgetperiod
WITH open AS (
  SELECT u.period AS id, sum(h.amount) AS total, array_agg(DISTINCT h.organisation_id) AS of_organisations
  FROM wallets_hold h, unnest(h.budget_periods) AS u (period) WHERE h.state = 'open' GROUP BY u.period
)
SELECT coalesce(p.id, o.id) AS period, p.organisation_id, p.held, o.total, o.of_organisations
FROM wallets_budgetperiod p FULL JOIN open o USING (id)
WHERE p.held IS DISTINCT FROM coalesce(o.total, 0) OR ARRAY[p.organisation_id] <> o.of_organisations
