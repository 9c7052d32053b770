-- Charge calls and write what they used, in one commit; absorbed overrun leaves an alert.
CREATE OR REPLACE FUNCTION metering_settle(operations json, absorbed_limit numeric)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean, transfers jsonb) LANGUAGE plpgsql AS $$
DECLARE written uuid[]; results jsonb;
BEGIN
  WITH ended AS MATERIALIZED (SELECT * FROM wallets_settle(operations, absorbed_limit)), used AS (
    INSERT INTO metering_usagerecord (id, organisation_id, hold_id, revision, project_id, agent_id, api_key_id, model_id,
      "user", run, status, service_tier, class_tokens, leaves, raw, list_cost, cost, charge, absorbed, estimated, flags,
      occurred_at, posted_at, local_day)
    SELECT u.record, c.organisation_id, c.hold_id, 0, c.project_id, c.agent_id, c.api_key_id, c.model_id,
      c."user", c.run, u.status, u.service_tier, u.class_tokens, u.leaves, u.raw, u.list_cost, u.cost,
      (e.figures ->> 'charge')::numeric, (e.figures ->> 'absorbed')::numeric, u.estimated, u.flags,
      t.at, t.at, billing_day(t.at, o.billing_zone)
    FROM ended e
    JOIN json_to_recordset(operations) AS u (n int, record uuid, status text, service_tier text, class_tokens bigint, leaves jsonb,
      raw jsonb, list_cost numeric, cost numeric(20, 9), estimated boolean, flags jsonb) USING (n)
    JOIN metering_call c ON c.hold_id = e.hold
    JOIN organisations_organisation o ON o.id = c.organisation_id
    CROSS JOIN LATERAL (SELECT (e.figures ->> 'posted_at')::timestamptz AS at) t
    WHERE e.outcome = 'settled' AND NOT e.replayed
    RETURNING id, organisation_id, absorbed, posted_at
  ), alerted AS (
    INSERT INTO metering_overrunalert (organisation_id, usage_id, absorbed, raised_at)
    SELECT u.organisation_id, u.id, u.absorbed, u.posted_at FROM used u WHERE u.absorbed > 0
  ) SELECT (SELECT array_agg(u.id) FROM used u), jsonb_agg(to_jsonb(e)) INTO written, results FROM ended e;
  PERFORM metering_sum_up(written);
  RETURN QUERY SELECT r.* FROM jsonb_to_recordset(results)
    AS r (n int, outcome text, hold uuid, figures jsonb, replayed boolean, transfers jsonb);
END $$;
