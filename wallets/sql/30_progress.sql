-- Decide what each running call is told: it may go on as long as what it has cost fits into its hold, or the wallet and
-- every hard budget can pay for a larger one. A budget that was lowered below what is spent and held stops it, too.
CREATE OR REPLACE FUNCTION wallets_decide_progress(operations json)
RETURNS TABLE (n int, organisation bigint, outcome text, hold uuid, figures jsonb, more numeric, amount numeric,
               accrued numeric, until timestamptz, periods bigint[])
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE
  op record; h wallets_hold; wallet wallets_wallet; available numeric; room numeric; reason text;
BEGIN
  FOR op IN SELECT t.*, q::wallets_hold AS h FROM json_to_recordset(operations)
      AS t (n int, organisation bigint, hold uuid, accrued numeric(20, 9), ttl int)
    LEFT JOIN LATERAL (SELECT * FROM wallets_hold o WHERE o.id = t.hold AND o.organisation_id = t.organisation LIMIT 1) q ON true ORDER BY t.organisation, t.n
  LOOP
    n := op.n; organisation := op.organisation; hold := op.hold; h := op.h; more := 0; periods := '{}'; reason := NULL;
    IF wallet.organisation_id IS DISTINCT FROM op.organisation THEN
      SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
      available := wallet.balance - wallet.held;
    END IF;
    IF h.id IS NULL OR h.state <> 'open' THEN
      outcome := CASE WHEN h.id IS NULL THEN 'missing' ELSE 'ended' END;
      figures := jsonb_build_object('state', h.state, 'ended_by', h.ended_by);
      RETURN NEXT; CONTINUE;
    END IF;
    more := greatest(op.accrued - h.amount, 0); periods := h.budget_periods;
    room := wallets_room_of(periods);
    IF more > available THEN reason := 'insufficient_credits';
    ELSIF more > room OR room < 0 THEN reason := 'budget_exceeded';
    ELSIF wallet.overrun_since IS NOT NULL THEN reason := 'suspended_overrun'; END IF;
    IF reason IS NOT NULL THEN more := 0; END IF;
    outcome := CASE WHEN reason IS NULL THEN 'continue' ELSE 'stop' END;
    available := available - more; amount := h.amount + more;
    accrued := greatest(h.accrued, least(op.accrued, amount));
    until := greatest(h.expires_at, least(billing_now() + op.ttl * interval '1 second', h.authorised_at + interval '24 hours'));
    figures := jsonb_build_object('held', amount::text, 'accrued', accrued::text, 'available', available::text,
      'reason', reason, 'expires_at', to_json(until));
    RETURN NEXT;
  END LOOP;
END $$;

-- What running calls have cost so far. Posts nothing; a hold grows only where the report exceeds it, and is renewed up
-- to a day after it was authorised. A batch names a call once: the next report is decided on what this one left.
CREATE OR REPLACE FUNCTION wallets_progress(organisations bigint[], operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
  PERFORM wallets_lock(organisations);
  RETURN QUERY WITH decided AS MATERIALIZED (SELECT * FROM wallets_decide_progress(operations)),
  told AS (SELECT * FROM decided d WHERE d.outcome IN ('continue', 'stop')),
  holds AS (
    UPDATE wallets_hold h SET amount = t.amount, accrued = t.accrued, expires_at = t.until FROM told t WHERE h.id = t.hold
  ), wallets AS (
    UPDATE wallets_wallet w SET held = w.held + s.more
    FROM (SELECT t.organisation, sum(t.more) AS more FROM told t GROUP BY t.organisation) s
    WHERE w.organisation_id = s.organisation AND s.more > 0
  ), counted AS (
    SELECT wallets_count(array_agg(p), array_agg(t.more), array_agg(0::numeric), NULL)
    FROM told t, unnest(t.periods) p WHERE t.more > 0
  ) SELECT d.n, d.outcome, d.hold, d.figures FROM decided d, (SELECT count(*) FROM counted) c;
END $$;
