-- Charge calls and write what they used, in one commit; absorbed overrun leaves an alert.
CREATE OR REPLACE FUNCTION metering_settle(organisations bigint[], operations json, absorbed_limit numeric)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean, transfers jsonb) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
  RETURN QUERY WITH ended AS MATERIALIZED (SELECT * FROM wallets_settle(organisations, operations, absorbed_limit)), used AS (
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
    RETURNING id, organisation_id, metering_usagerecord.absorbed, posted_at
  ), alerted AS (
    INSERT INTO metering_overrunalert (organisation_id, usage_id, absorbed, raised_at)
    SELECT u.organisation_id, u.id, u.absorbed, u.posted_at FROM used u WHERE u.absorbed > 0
  ) SELECT e.n, e.outcome, e.hold, e.figures, e.replayed, e.transfers FROM ended e;
  -- Of the records named, only those that were written just now are there: a repeated call wrote none.
  PERFORM metering_sum_up((SELECT array_agg(o.record) FROM json_to_recordset(operations) AS o (record uuid)));
END $$;
