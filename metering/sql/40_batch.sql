-- Many operations of many organisations at once: one lock, one commit. What frees money comes before what asks for it.
CREATE OR REPLACE FUNCTION metering_batch(organisations bigint[], settle json, release json, progress json, authorise json, absorbed_limit numeric)
RETURNS TABLE (kind text, n int, outcome text, hold uuid, figures jsonb, replayed boolean, transfers jsonb) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM wallets_lock(organisations);
  IF settle IS NOT NULL THEN
    RETURN QUERY SELECT 'settle', r.n, r.outcome, r.hold, r.figures, r.replayed, r.transfers FROM metering_settle(organisations, settle, absorbed_limit) r;
  END IF;
  IF release IS NOT NULL THEN
    RETURN QUERY SELECT 'release', r.n, r.outcome, r.hold, r.figures, r.replayed, NULL::jsonb FROM wallets_release(organisations, release) r;
  END IF;
  IF progress IS NOT NULL THEN
    RETURN QUERY SELECT 'progress', r.n, r.outcome, r.hold, r.figures, false, NULL::jsonb FROM metering_progress(organisations, progress) r;
  END IF;
  IF authorise IS NOT NULL THEN
    RETURN QUERY SELECT 'authorise', r.n, r.outcome, r.hold, r.figures, r.replayed, NULL::jsonb FROM metering_authorise(organisations, authorise) r;
  END IF;
END $$;

-- What reporting on and ending calls needs to know of them; none of it ever changes but `state` and `progress`.
CREATE OR REPLACE FUNCTION metering_facts(organisations bigint[], holds uuid[])
RETURNS TABLE (hold uuid, organisation bigint, project bigint, agent bigint, api_key bigint, project_slug text, agent_slug text, "user" text,
               run text, input_tokens bigint, max_output_tokens bigint, clamped boolean, terms uuid, amount numeric, state text,
               authorised_at timestamptz) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
  PERFORM set_config('app.organisations', organisations::text, true);
  RETURN QUERY SELECT c.hold_id, c.organisation_id, c.project_id, c.agent_id, c.api_key_id, p.slug::text, a.slug::text, c."user"::text, c.run::text,
      c.input_tokens, c.max_output_tokens, c.clamped, h.terms_id, h.amount, h.state::text, h.authorised_at
    FROM metering_call c JOIN wallets_hold h ON h.id = c.hold_id
    JOIN organisations_project p ON p.id = c.project_id JOIN organisations_agent a ON a.id = c.agent_id
    WHERE c.hold_id = ANY (holds);
END $$;
