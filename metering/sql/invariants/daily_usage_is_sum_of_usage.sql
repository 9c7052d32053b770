-- The sums by local day are the sums of the usage records.
WITH facts AS (
  SELECT organisation_id, local_day, project_id, agent_id, model_id, "user", count(*) FILTER (WHERE revision = 0) AS requests,
    count(*) FILTER (WHERE revision = 0 AND estimated) AS estimated, sum(input_tokens) AS input, sum(cached_tokens) AS cached,
    sum(output_tokens) AS output, sum(list_cost) AS list_cost, sum(cost) AS cost, sum(charge) AS charge, sum(absorbed) AS absorbed
  FROM metering_usagerecord GROUP BY 1, 2, 3, 4, 5, 6)
SELECT organisation_id, local_day, project_id, agent_id, model_id, "user", d.charge, f.charge AS by_usage
FROM metering_dailyusage d FULL JOIN facts f USING (organisation_id, local_day, project_id, agent_id, model_id, "user")
WHERE (d.requests, d.estimated, d.input_tokens, d.cached_tokens, d.output_tokens, d.list_cost, d.cost, d.charge, d.absorbed)
  IS DISTINCT FROM (f.requests, f.estimated, f.input, f.cached, f.output, f.list_cost, f.cost, f.charge, f.absorbed)
