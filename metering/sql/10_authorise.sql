-- Why the key of a call may not open it at this moment; read after the lock, so that a revocation or a suspension that
-- is committed before is never missed. NULL where it may.
CREATE OR REPLACE FUNCTION metering_bar(of_key bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN k.id IS NULL OR k.revoked_at IS NOT NULL OR k.expires_at <= billing_now() THEN 'key_revoked'
              WHEN o.suspended_at IS NOT NULL THEN 'suspended' END
  FROM (SELECT of_key AS wanted) w
  LEFT JOIN organisations_apikey k ON k.id = w.wanted
  LEFT JOIN organisations_organisation o ON o.id = k.organisation_id
$$;

-- Operations whose terms were remembered and are gone by now: prices, models or plans have changed since.
CREATE OR REPLACE FUNCTION metering_stale(operations json) RETURNS int[] LANGUAGE sql STABLE AS $$
  SELECT array_agg(o.n) FROM json_to_recordset(operations) AS o (n int, edition bigint, good_until timestamptz)
  WHERE o.edition IS NOT NULL
    AND (o.edition <> coalesce((SELECT number FROM plans_edition), 0) OR o.good_until <= (SELECT billing_now()))
$$;

-- Hold the calls and write the row beside each new hold, in one commit. A barred key gets no hold.
CREATE OR REPLACE FUNCTION metering_authorise(operations json)
RETURNS TABLE (n int, outcome text, hold uuid, terms uuid, figures jsonb, replayed boolean) LANGUAGE plpgsql AS $$
DECLARE barred jsonb; stale int[]; allowed json := operations;
BEGIN
  PERFORM wallets_lock(wallets_organisations(operations));
  SELECT jsonb_object_agg(k.id, metering_bar(k.id)) FILTER (WHERE metering_bar(k.id) IS NOT NULL) INTO barred
    FROM (SELECT DISTINCT (o ->> 'api_key')::bigint AS id FROM json_array_elements(operations) o) k;
  stale := metering_stale(operations);
  IF barred IS NOT NULL OR stale IS NOT NULL THEN
    RETURN QUERY SELECT (o ->> 'n')::int, coalesce(barred ->> (o ->> 'api_key'), 'stale'), NULL::uuid, NULL::uuid, '{}'::jsonb, false
      FROM json_array_elements(operations) o WHERE barred ? (o ->> 'api_key') OR (o ->> 'n')::int = ANY (stale);
    SELECT json_agg(o) INTO allowed FROM json_array_elements(operations) o
      WHERE NOT coalesce(barred ? (o ->> 'api_key'), false) AND NOT coalesce((o ->> 'n')::int = ANY (stale), false);
    IF allowed IS NULL THEN RETURN; END IF;
  END IF;
  RETURN QUERY WITH held AS MATERIALIZED (SELECT * FROM wallets_authorise(allowed)), written AS (
    INSERT INTO metering_call (hold_id, organisation_id, project_id, agent_id, api_key_id, model_id, "user", run,
                               input_tokens, max_output_tokens, clamped, ttl_seconds, dispatched, seq, progress, reported)
    SELECT h.hold, c.organisation, c.project, c.agent, c.api_key, c.model, c."user", c.run,
           c.input_tokens, (h.figures ->> 'max_output_tokens')::bigint, (h.figures ->> 'clamped')::boolean,
           c.ttl, c.dispatched, -1, '{}', 0
    FROM held h JOIN json_to_recordset(allowed) AS c (n int, organisation bigint, project bigint, agent bigint,
      api_key bigint, model bigint, "user" text, run text, input_tokens bigint, ttl int, dispatched boolean) USING (n)
    WHERE h.outcome = 'authorised' AND NOT h.replayed
  ) SELECT h.n, h.outcome, h.hold, h.terms, h.figures, h.replayed FROM held h;
END $$;
