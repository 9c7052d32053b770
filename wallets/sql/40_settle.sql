-- Why a hold can't be ended this way; NULL where it can. What expiry released unspent may still turn out to have cost
-- something: for a day such a call is charged like any other, of what is available then.
CREATE OR REPLACE FUNCTION wallets_refusal(h wallets_hold, ended_by text, at timestamptz) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE WHEN h.id IS NULL THEN 'missing'
              WHEN h.state = 'released' AND h.ended_by = 'expiry' AND ended_by = 'call'
                AND h.ended_at > at - interval '24 hours' THEN NULL
              WHEN h.state <> 'open' THEN 'ended'
              WHEN ended_by = 'expiry' AND h.expires_at > at THEN 'renewed' END;
END $$;

-- Decide what each call is charged: at most its hold and what the wallet and every hard budget have room for; the rest
-- is absorbed. `parts` says how much each of `lots` pays. Moves nothing; what earlier calls of the batch took is
-- carried along.
CREATE OR REPLACE FUNCTION wallets_decide_settle(operations json)
RETURNS TABLE (n int, organisation bigint, key text, fingerprint text, ended_by text, outcome text, hold uuid, figures jsonb,
               replayed boolean, charge numeric, absorbed numeric, freed numeric, periods bigint[], at timestamptz,
               lots bigint[], kinds text[], parts numeric[], balance numeric)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE
  op record; h wallets_hold; wallet wallets_wallet; held numeric; stock record; lefts numeric[]; room numeric;
  in_period bigint[]; rooms numeric[]; done uuid[] := '{}'; found record; spare numeric; expired boolean; laid numeric;
BEGIN
  FOR op IN SELECT t.*, r::wallets_idempotencyrecord AS seen, q::wallets_hold AS h FROM json_to_recordset(operations)
      AS t (n int, organisation bigint, key text, fingerprint text, hold uuid, cost numeric(20, 9), ended_by text)
    LEFT JOIN LATERAL (SELECT * FROM wallets_idempotencyrecord q WHERE q.organisation_id = t.organisation AND q.scope = 'api' AND q.key = t.key LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT * FROM wallets_hold o WHERE o.id = t.hold AND o.organisation_id = t.organisation LIMIT 1) q ON true ORDER BY t.organisation, t.n
  LOOP
    n := op.n; organisation := op.organisation; key := op.key; fingerprint := op.fingerprint; ended_by := op.ended_by;
    hold := op.hold; h := op.h; replayed := false;
    IF (op.seen).id IS NOT NULL THEN
      SELECT * INTO outcome, hold, figures, replayed FROM wallets_first_answer(op.seen, op.fingerprint);
      RETURN NEXT; CONTINUE;
    END IF;
    IF wallet.organisation_id IS DISTINCT FROM op.organisation THEN
      SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
      SELECT * INTO stock FROM wallets_lots(op.organisation);
      lefts := stock.lefts; balance := wallet.balance; held := wallet.held; at := wallets_posting_time(wallet);
      in_period := '{}'; rooms := '{}'; spare := balance - held; expired := coalesce(at >= ANY (stock.until), false);
    END IF;
    outcome := CASE WHEN op.hold = ANY (done) THEN 'ended' ELSE wallets_refusal(h, op.ended_by, at) END;
    IF outcome IS NOT NULL THEN
      figures := jsonb_build_object('state', h.state, 'ended_by', h.ended_by);
      RETURN NEXT; CONTINUE;
    END IF;

    IF NOT h.budget_periods <@ in_period THEN
      SELECT array_agg(p.id) AS ids, array_agg(CASE WHEN b.ended_at IS NULL THEN wallets_room(b, p) ELSE 'Infinity' END) AS rooms
        INTO found FROM wallets_budgetperiod p JOIN wallets_budget b ON b.id = p.budget_id
        WHERE p.id = ANY (h.budget_periods) AND p.id <> ALL (in_period);
      in_period := in_period || found.ids; rooms := rooms || found.rooms;
    END IF;
    freed := CASE WHEN h.state = 'open' THEN h.amount ELSE 0 END;
    room := spare;
    FOR i IN 1 .. cardinality(in_period) LOOP
      IF in_period[i] = ANY (h.budget_periods) THEN room := least(room, rooms[i]); END IF;
    END LOOP;
    charge := least(op.cost, freed + greatest(room, 0)); absorbed := op.cost - charge;
    lots := stock.ids; kinds := stock.kinds; periods := h.budget_periods;
    parts := wallets_lay(charge, lefts, stock.since, stock.until, h.authorised_at);
    laid := 0;
    FOR i IN 1 .. cardinality(lefts) LOOP lefts[i] := lefts[i] - parts[i]; laid := laid + parts[i]; END LOOP;
    -- The wallet row and its lots would disagree, and nothing may be posted on top of that.
    IF charge IS DISTINCT FROM laid THEN
      RAISE EXCEPTION 'the lots of organisation % don''t hold %', op.organisation, charge;
    END IF;
    FOR i IN 1 .. cardinality(in_period) LOOP
      IF in_period[i] = ANY (periods) THEN rooms[i] := rooms[i] + freed - charge; END IF;
    END LOOP;
    balance := balance - charge; held := held - freed;
    -- What a call gives back of a lot that has expired is there for no other.
    spare := CASE WHEN expired THEN spare - greatest(charge - freed, 0) ELSE balance - held END; done := done || op.hold; outcome := 'settled';
    figures := jsonb_build_object('charge', charge::numeric(20, 9)::text, 'absorbed', absorbed::numeric(20, 9)::text,
      'held', h.amount::text, 'available', (balance - held)::text, 'posted_at', to_json(at));
    RETURN NEXT;
  END LOOP;
END $$;

-- One transfer for each lot that pays, then one for what is absorbed, in the order of the batch: the ids follow it.
CREATE OR REPLACE FUNCTION wallets_transfers(lots bigint[], kinds text[], parts numeric[], absorbed numeric, balance numeric)
RETURNS TABLE (place bigint, kind text, debit text, amount numeric, balance_after numeric, lot bigint) LANGUAGE sql IMMUTABLE AS $$
  SELECT p.place, 'usage', 'credits_' || p.kind, p.part, balance + sum(p.part) OVER () - sum(p.part) OVER (ORDER BY p.place), p.lot
  FROM unnest(lots, kinds, parts) WITH ORDINALITY AS p (lot, kind, part, place) WHERE p.part > 0
  UNION ALL SELECT 1000000, 'absorbed', 'absorbed_overrun', absorbed, balance, NULL WHERE absorbed > 0
$$;

-- Charge what calls cost, exactly once a call, each table written once for the whole batch; `transfers` names what was
-- posted. `ended_by` 'expiry' only where the hold has really expired by now, since progress may have renewed it. More
-- than `limit_` absorbed on one local day suspends the organisation's calls until finance clears it.
CREATE OR REPLACE FUNCTION wallets_settle(organisations bigint[], operations json, limit_ numeric)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean, transfers jsonb) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
  PERFORM wallets_lock(organisations);
  RETURN QUERY WITH decided AS MATERIALIZED (SELECT * FROM wallets_decide_settle(operations)),
  fresh AS (SELECT * FROM decided d WHERE d.outcome = 'settled' AND NOT d.replayed),
  posted AS (
    INSERT INTO wallets_transfer (organisation_id, kind, debit, credit, amount, balance_after, grant_id, hold_id, posted_at)
    SELECT f.organisation, t.kind, t.debit, 'usage_revenue', t.amount, t.balance_after, t.lot, f.hold, f.at
    FROM fresh f CROSS JOIN LATERAL wallets_transfers(f.lots, f.kinds, f.parts, f.absorbed, f.balance) t
    ORDER BY f.organisation, f.n, t.place
    RETURNING wallets_transfer.id, wallets_transfer.hold_id, debit, amount, balance_after
  ), spent AS (
    UPDATE wallets_grant g SET remaining = g.remaining - s.part
    FROM (SELECT p.lot, sum(p.part) AS part FROM fresh f, unnest(f.lots, f.parts) AS p (lot, part) GROUP BY p.lot) s
    WHERE g.id = s.lot AND s.part > 0
  ), wallets AS (
    UPDATE wallets_wallet w SET balance = w.balance - s.charge, held = w.held - s.freed, last_posted_at = s.at,
      (absorbed_day, absorbed_today, overrun_since) = (SELECT a.day, a.today, a.since FROM wallets_absorbing(w, s.absorbed, s.at, limit_) a)
    FROM (SELECT f.organisation, sum(f.charge) AS charge, sum(f.freed) AS freed, sum(f.absorbed) AS absorbed, max(f.at) AS at
          FROM fresh f GROUP BY f.organisation) s
    WHERE w.organisation_id = s.organisation
  ), holds AS (
    UPDATE wallets_hold h SET state = 'settled', ended_by = CASE WHEN h.state = 'open' THEN f.ended_by ELSE h.ended_by END,
      ended_at = coalesce(h.ended_at, f.at) FROM fresh f WHERE h.id = f.hold
  ), remembered AS (
    INSERT INTO wallets_idempotencyrecord (organisation_id, scope, key, fingerprint, outcome, hold_id, figures, created_at)
    SELECT f.organisation, 'api', f.key, f.fingerprint, f.outcome, f.hold, f.figures, f.at FROM fresh f WHERE f.key IS NOT NULL
  ), counted AS (
    SELECT wallets_count(array_agg(p), array_agg(-f.freed), array_agg(f.charge), max(f.at)) FROM fresh f, unnest(f.periods) p
  ) SELECT d.n, d.outcome, d.hold, d.figures, d.replayed, t.rows FROM decided d
    LEFT JOIN (SELECT p.hold_id, jsonb_agg(jsonb_build_object('id', p.id, 'debit', p.debit, 'amount', p.amount::text,
      'balance_after', p.balance_after::text) ORDER BY p.id) AS rows FROM posted p GROUP BY p.hold_id) t ON t.hold_id = d.hold
    CROSS JOIN (SELECT count(*) FROM counted) c;
END $$;
