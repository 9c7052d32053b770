-- Why a key may not open calls at this moment, or have them go on; NULL where it may. Its row and its organisation's are
-- read after the lock, so that a revocation or a suspension that is committed before is never missed.
CREATE OR REPLACE FUNCTION metering_bar(key organisations_apikey, owner organisations_organisation, now_ timestamptz)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN key.id IS NULL OR key.revoked_at IS NOT NULL OR key.expires_at <= now_ THEN 'key_revoked'
              WHEN owner.suspended_at IS NOT NULL THEN 'suspended' END
$$;

-- Which operations may not open a call, and why: a barred key, or terms that were remembered and are gone by now, since
-- prices, models or plans have changed.
CREATE OR REPLACE FUNCTION metering_barred(operations json) RETURNS TABLE (n int, why text) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE now_ timestamptz := billing_now(); current bigint := coalesce((SELECT e.number FROM plans_edition e), 0);
BEGIN
  RETURN QUERY SELECT o.n, w.why FROM json_to_recordset(operations) AS o (n int, api_key bigint, edition bigint, good_until timestamptz)
    LEFT JOIN organisations_apikey k ON k.id = o.api_key LEFT JOIN organisations_organisation q ON q.id = k.organisation_id
    CROSS JOIN LATERAL (SELECT coalesce(metering_bar(k, q, now_),
      CASE WHEN o.edition <> current OR o.good_until <= now_ THEN 'stale' END) AS why) w
    WHERE w.why IS NOT NULL;
END $$;

-- Hold the calls and write the row beside each new hold, in one commit. A barred key gets no hold.
CREATE OR REPLACE FUNCTION metering_authorise(organisations bigint[], operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE barred int[]; allowed json := operations;
BEGIN
  PERFORM wallets_lock(organisations);
  RETURN QUERY SELECT b.n, b.why, NULL::uuid, '{}'::jsonb, false FROM metering_barred(operations) b;
  IF FOUND THEN
    SELECT array_agg(b.n) INTO barred FROM metering_barred(operations) b;
    SELECT json_agg(o) INTO allowed FROM json_array_elements(operations) o WHERE (o ->> 'n')::int <> ALL (barred);
    IF allowed IS NULL THEN RETURN; END IF;
  END IF;
  RETURN QUERY WITH held AS MATERIALIZED (SELECT * FROM wallets_authorise(organisations, allowed)), written AS (
    INSERT INTO metering_call (hold_id, organisation_id, project_id, agent_id, api_key_id, model_id, "user", run,
                               input_tokens, max_output_tokens, clamped, ttl_seconds, dispatched, seq, progress, reported)
    SELECT h.hold, c.organisation, c.project, c.agent, c.api_key, c.model, c."user", c.run,
           c.input_tokens, (h.figures ->> 'max_output_tokens')::bigint, (h.figures ->> 'clamped')::boolean,
           c.ttl, c.dispatched, -1, '{}', 0
    FROM held h JOIN json_to_recordset(allowed) AS c (n int, organisation bigint, project bigint, agent bigint,
      api_key bigint, model bigint, "user" text, run text, input_tokens bigint, ttl int, dispatched boolean) USING (n)
    WHERE h.outcome = 'authorised' AND NOT h.replayed
  ) SELECT h.n, h.outcome, h.hold, h.figures, h.replayed FROM held h;
END $$;
