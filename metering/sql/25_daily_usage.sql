-- Add settled calls to the sums of their local day. In the settlement's own commit, so that the sums are never behind
-- and never ahead; the wallet's lock keeps two settlements of one organisation apart.
CREATE OR REPLACE FUNCTION metering_sum_up(records uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO metering_dailyusage AS d (organisation_id, local_day, project_id, agent_id, model_id, "user", requests,
    estimated, input_tokens, cached_tokens, output_tokens, list_cost, cost, charge, absorbed)
  SELECT u.organisation_id, u.local_day, u.project_id, u.agent_id, u.model_id, u."user",
    count(*) FILTER (WHERE u.revision = 0), count(*) FILTER (WHERE u.revision = 0 AND u.estimated),
    sum(u.input_tokens), sum(u.cached_tokens), sum(u.output_tokens),
    sum(u.list_cost), sum(u.cost), sum(u.charge), sum(u.absorbed)
  FROM metering_usagerecord u WHERE u.id = ANY (records) GROUP BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (organisation_id, local_day, project_id, agent_id, model_id, "user") DO UPDATE SET
    requests = d.requests + excluded.requests, estimated = d.estimated + excluded.estimated,
    input_tokens = d.input_tokens + excluded.input_tokens, cached_tokens = d.cached_tokens + excluded.cached_tokens,
    output_tokens = d.output_tokens + excluded.output_tokens, list_cost = d.list_cost + excluded.list_cost,
    cost = d.cost + excluded.cost, charge = d.charge + excluded.charge, absorbed = d.absorbed + excluded.absorbed;
END $$;

-- Make the sums of one local day anew from the facts, with no settlement in between.
CREATE OR REPLACE FUNCTION metering_rebuild_day(of_organisation bigint, of_day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM wallets_lock(ARRAY[of_organisation]);
  DELETE FROM metering_dailyusage d WHERE d.organisation_id = of_organisation AND d.local_day = of_day;
  PERFORM metering_sum_up((SELECT array_agg(u.id) FROM metering_usagerecord u
    WHERE u.organisation_id = of_organisation AND u.local_day = of_day));
END $$;
