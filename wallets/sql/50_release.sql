-- Decide which holds are given back unspent: none that has reported cost.
CREATE OR REPLACE FUNCTION wallets_decide_release(operations json)
RETURNS TABLE (n int, organisation bigint, key text, fingerprint text, ended_by text, outcome text, hold uuid, figures jsonb,
               replayed boolean, freed numeric, periods bigint[], at timestamptz)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE
  op record; h wallets_hold; wallet wallets_wallet; available numeric; done uuid[] := '{}';
BEGIN
  FOR op IN SELECT t.*, r::wallets_idempotencyrecord AS seen, q::wallets_hold AS h FROM json_to_recordset(operations)
      AS t (n int, organisation bigint, key text, fingerprint text, hold uuid, ended_by text)
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
      available := wallet.balance - wallet.held; at := wallets_posting_time(wallet);
    END IF;
    outcome := CASE WHEN h.id IS NULL THEN 'missing'
                    WHEN h.state <> 'open' OR op.hold = ANY (done) THEN 'ended'
                    WHEN op.ended_by = 'expiry' AND h.expires_at > at THEN 'renewed'
                    WHEN h.accrued > 0 THEN 'accrued' END;
    IF outcome IS NOT NULL THEN
      figures := jsonb_build_object('state', h.state, 'ended_by', h.ended_by, 'accrued', h.accrued::text);
      RETURN NEXT; CONTINUE;
    END IF;
    outcome := 'released'; freed := h.amount; periods := h.budget_periods; available := available + freed; done := done || op.hold;
    figures := jsonb_build_object('released', freed::text, 'available', available::text);
    RETURN NEXT;
  END LOOP;
END $$;

-- Give holds back unspent: the call was not made. `ended_by` 'expiry' as for settling.
CREATE OR REPLACE FUNCTION wallets_release(organisations bigint[], operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
  PERFORM wallets_lock(organisations);
  RETURN QUERY WITH decided AS MATERIALIZED (SELECT * FROM wallets_decide_release(operations)),
  fresh AS (SELECT * FROM decided d WHERE d.outcome = 'released' AND NOT d.replayed),
  holds AS (
    UPDATE wallets_hold h SET state = 'released', ended_by = f.ended_by, ended_at = f.at FROM fresh f WHERE h.id = f.hold
  ), wallets AS (
    UPDATE wallets_wallet w SET held = w.held - s.freed
    FROM (SELECT f.organisation, sum(f.freed) AS freed FROM fresh f GROUP BY f.organisation) s WHERE w.organisation_id = s.organisation
  ), remembered AS (
    INSERT INTO wallets_idempotencyrecord (organisation_id, scope, key, fingerprint, outcome, hold_id, figures, created_at)
    SELECT f.organisation, 'api', f.key, f.fingerprint, f.outcome, f.hold, f.figures, f.at FROM fresh f WHERE f.key IS NOT NULL
  ), counted AS (
    SELECT wallets_count(array_agg(p), array_agg(-f.freed), array_agg(0::numeric), NULL) FROM fresh f, unnest(f.periods) p
  ) SELECT d.n, d.outcome, d.hold, d.figures, d.replayed FROM decided d, (SELECT count(*) FROM counted) c;
END $$;
