-- Reports of running calls. A report that is not newer than the newest changes nothing and is answered from that one:
-- a repeated report must not turn a stop into a continue. A barred key's call is told to stop.
CREATE OR REPLACE FUNCTION metering_progress(organisations bigint[], operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE fresh json; now_ timestamptz;
BEGIN
  PERFORM wallets_lock(organisations);
  now_ := billing_now();
  -- Read under the lock: two reports of one call may arrive at once and in the wrong order.
  SELECT json_agg(json_build_object('n', o.n, 'organisation', o.organisation, 'hold', o.hold, 'ttl', c.ttl_seconds,
                                    'accrued', CASE WHEN o.seq > c.seq THEN o.accrued ELSE c.reported END))
    INTO fresh FROM json_to_recordset(operations) AS o (n int, organisation bigint, hold uuid, seq bigint, accrued numeric)
    JOIN metering_call c ON c.hold_id = o.hold;
  RETURN QUERY WITH told AS MATERIALIZED (SELECT * FROM wallets_progress(organisations, fresh)), written AS (
    UPDATE metering_call c SET seq = o.seq, progress = o.usage, reported = o.accrued, dispatched = true
    FROM json_to_recordset(operations) AS o (n int, seq bigint, accrued numeric, usage jsonb) JOIN told t USING (n)
    WHERE c.hold_id = t.hold AND t.outcome IN ('continue', 'stop') AND o.seq > c.seq
  ) SELECT t.n, CASE WHEN t.outcome = 'continue' AND bar.why IS NOT NULL THEN 'stop' ELSE t.outcome END, t.hold,
           t.figures || jsonb_build_object('accrued', f.accrued::numeric(20, 9)::text,
                                           'reason', coalesce(bar.why, t.figures ->> 'reason'))
    FROM told t JOIN json_to_recordset(fresh) AS f (n int, accrued numeric) USING (n)
    JOIN metering_call c ON c.hold_id = t.hold
    LEFT JOIN organisations_apikey k ON k.id = c.api_key_id LEFT JOIN organisations_organisation q ON q.id = k.organisation_id
    CROSS JOIN LATERAL (SELECT metering_bar(k, q, now_) AS why) bar;
END $$;
