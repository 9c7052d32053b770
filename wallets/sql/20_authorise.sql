-- How many output tokens `room` pays for, at most `wanted`; -1 where not even `fixed` fits. div() is exact: an
-- ordinary division rounds, and could grant a token too many.
CREATE OR REPLACE FUNCTION wallets_affordable(room numeric, fixed numeric, unit numeric, wanted bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN fixed > room THEN -1
              WHEN unit = 0 OR room = 'Infinity' THEN wanted
              ELSE least(wanted, div(room - fixed, unit))::bigint END
$$;

-- Upwards to nine places: an exact cost surely fits into what is held for it. Multiplied, since a division keeps only
-- some 16 digits and would round large amounts a second time.
CREATE OR REPLACE FUNCTION wallets_round_up(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT ceil(amount * 1000000000) * 0.000000001
$$;

-- Decide each call of a batch in the order of arrival: replayed, barred, refused, or held for `fixed` + `unit` a token,
-- for as many tokens as the wallet and every hard budget can pay, at least `minimum`. Moves nothing; what earlier calls
-- of the batch took is carried along in `available` and `rooms`.
CREATE OR REPLACE FUNCTION wallets_decide_authorise(operations json)
RETURNS TABLE (n int, organisation bigint, key text, fingerprint text, outcome text, hold uuid, terms uuid, figures jsonb,
               replayed boolean, amount numeric, subjects text[], periods bigint[], at timestamptz, until timestamptz)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE
  op record; wallet wallets_wallet; available numeric; room numeric; tokens bigint; binding bigint; found record;
  asked text[]; in_period bigint[]; on_subject text[]; rooms numeric[];
BEGIN
  FOR op IN SELECT t.*, r::wallets_idempotencyrecord AS seen, f.digest AS known
    FROM json_to_recordset(operations) AS t (n int, organisation bigint, key text, fingerprint text, hold uuid, fixed numeric,
      unit numeric, asked bigint, wanted bigint, minimum bigint, ttl int, terms uuid, subjects text[])
    LEFT JOIN LATERAL (SELECT * FROM wallets_idempotencyrecord q WHERE q.organisation_id = t.organisation AND q.scope = 'api' AND q.key = t.key LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT q.digest FROM wallets_terms q WHERE q.digest = t.terms LIMIT 1) f ON true ORDER BY t.organisation, t.n
  LOOP
    n := op.n; organisation := op.organisation; key := op.key; fingerprint := op.fingerprint; subjects := op.subjects;
    hold := NULL; terms := op.terms; periods := '{}'; amount := 0; replayed := false; figures := '{}';
    IF wallet.organisation_id IS DISTINCT FROM op.organisation THEN
      SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
      available := wallet.balance - wallet.held; at := wallets_posting_time(wallet);
      asked := '{}'; in_period := '{}'; on_subject := '{}'; rooms := '{}';
    END IF;
    IF wallet.overrun_since IS NOT NULL THEN outcome := 'suspended_overrun'; RETURN NEXT; CONTINUE; END IF;
    IF (op.seen).id IS NOT NULL THEN
      SELECT * INTO outcome, hold, figures, replayed FROM wallets_first_answer(op.seen, op.fingerprint);
      RETURN NEXT; CONTINUE;
    END IF;
    IF op.known IS NULL THEN outcome := 'terms_unknown'; RETURN NEXT; CONTINUE; END IF;

    IF NOT op.subjects <@ asked THEN
      SELECT * INTO found FROM wallets_budgets(op.organisation, wallets_others(op.subjects, asked), at);
      asked := asked || op.subjects; in_period := in_period || found.periods;
      on_subject := on_subject || found.on_subjects; rooms := rooms || found.rooms;
    END IF;
    room := available; binding := NULL;
    FOR i IN 1 .. cardinality(in_period) LOOP
      CONTINUE WHEN on_subject[i] <> ALL (op.subjects);
      periods := periods || in_period[i];
      IF rooms[i] < room THEN room := rooms[i]; binding := in_period[i]; END IF;
    END LOOP;
    tokens := wallets_affordable(room, op.fixed, op.unit, op.wanted);
    IF tokens < op.minimum THEN
      outcome := 'refused';
      figures := jsonb_build_object('available', available::text, 'affordable_output_tokens', greatest(tokens, 0),
        'required', wallets_round_up(op.fixed + op.unit * op.minimum)::numeric(40, 9)::text, 'limiting_scope', 'wallet')
        || coalesce(wallets_binding(binding), '{}');
      RETURN NEXT; CONTINUE;
    END IF;
    outcome := 'authorised'; hold := op.hold; until := at + op.ttl * interval '1 second';
    amount := wallets_round_up(op.fixed + op.unit * tokens)::numeric(20, 9); available := available - amount;
    FOR i IN 1 .. cardinality(in_period) LOOP
      IF in_period[i] = ANY (periods) THEN rooms[i] := rooms[i] - amount; END IF;
    END LOOP;
    figures := jsonb_build_object('max_output_tokens', tokens, 'clamped', tokens < op.asked, 'held', amount::text,
      'available', available::text, 'expires_at', to_json(until));
    RETURN NEXT;
  END LOOP;
END $$;

-- Hold the worst case of each call. The check and the hold are one step under the wallet's lock, each table is written
-- once for the whole batch, and a refusal is remembered like a success.
CREATE OR REPLACE FUNCTION wallets_authorise(organisations bigint[], operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
  PERFORM wallets_lock(organisations);
  RETURN QUERY WITH decided AS MATERIALIZED (SELECT * FROM wallets_decide_authorise(operations)),
  fresh AS (SELECT * FROM decided d WHERE d.outcome = 'authorised' AND NOT d.replayed),
  holds AS (
    INSERT INTO wallets_hold (id, organisation_id, amount, accrued, state, ended_by, terms_id, subjects, budget_periods, authorised_at, expires_at)
    SELECT f.hold, f.organisation, f.amount, 0, 'open', '', f.terms, f.subjects, f.periods, f.at, f.until FROM fresh f
  ), wallets AS (
    UPDATE wallets_wallet w SET held = w.held + s.amount
    FROM (SELECT f.organisation, sum(f.amount) AS amount FROM fresh f GROUP BY f.organisation) s WHERE w.organisation_id = s.organisation
  ), remembered AS (
    INSERT INTO wallets_idempotencyrecord (organisation_id, scope, key, fingerprint, outcome, hold_id, figures, created_at)
    SELECT d.organisation, 'api', d.key, d.fingerprint, d.outcome, d.hold, d.figures, d.at FROM decided d
    WHERE d.outcome IN ('authorised', 'refused') AND NOT d.replayed
  ), counted AS (
    SELECT wallets_count(array_agg(p), array_agg(f.amount), array_agg(0::numeric), max(f.at)) FROM fresh f, unnest(f.periods) p
  ) SELECT d.n, d.outcome, d.hold, d.figures, d.replayed FROM decided d, (SELECT count(*) FROM counted) c;
END $$;
