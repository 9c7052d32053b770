-- The sums by local day are the sums of the usage records.
-- looks at: metering_changed_usage(%(since)s)
-- Whole days, from the one in which the changes begin.
WITH days AS (
  SELECT w.organisation_id, billing_day(%(since)s, o.billing_zone) AS from_day
  FROM wallets_wallet w JOIN organisations_organisation o ON o.id = w.organisation_id WHERE w.last_posted_at >= %(since)s
), facts AS (
  SELECT organisation_id, local_day, project_id, agent_id, model_id, "user", count(*) FILTER (WHERE revision = 0) AS requests,
    count(*) FILTER (WHERE revision = 0 AND estimated) AS estimated, sum(input_tokens) AS input, sum(cached_tokens) AS cached,
    sum(output_tokens) AS output, sum(list_cost) AS list_cost, sum(cost) AS cost, sum(charge) AS charge, sum(absorbed) AS absorbed
  FROM days JOIN metering_usagerecord u USING (organisation_id) WHERE u.local_day >= from_day GROUP BY 1, 2, 3, 4, 5, 6
), kept AS (
  SELECT d.* FROM days JOIN metering_dailyusage d USING (organisation_id) WHERE d.local_day >= from_day
)
SELECT organisation_id, local_day, project_id, agent_id, model_id, "user", d.charge, f.charge AS by_usage
FROM kept d FULL JOIN facts f USING (organisation_id, local_day, project_id, agent_id, model_id, "user")
WHERE (d.requests, d.estimated, d.input_tokens, d.cached_tokens, d.output_tokens, d.list_cost, d.cost, d.charge, d.absorbed)
  IS DISTINCT FROM (f.requests, f.estimated, f.input, f.cached, f.output, f.list_cost, f.cost, f.charge, f.absorbed)
