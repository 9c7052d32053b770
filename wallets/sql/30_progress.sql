-- What a running call has cost so far. Posts nothing; the hold grows only where the report exceeds it and the wallet
-- can afford the difference, else the call is told to stop. Renews the hold, up to a day after it was authorised.
CREATE OR REPLACE FUNCTION wallets_progress(operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb) LANGUAGE plpgsql AS $$
DECLARE
  op record; wallet wallets_wallet; h wallets_hold; more numeric; until timestamptz;
BEGIN
  PERFORM wallets_lock(wallets_organisations(operations));
  FOR op IN SELECT * FROM json_to_recordset(operations) AS t (n int, organisation bigint, hold uuid, accrued numeric, ttl int)
    ORDER BY t.organisation, t.n
  LOOP
    n := op.n; hold := op.hold;
    SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
    SELECT * INTO h FROM wallets_hold q WHERE q.id = op.hold AND q.organisation_id = op.organisation;
    IF h.id IS NULL OR h.state <> 'open' THEN
      outcome := CASE WHEN h.id IS NULL THEN 'missing' ELSE 'ended' END;
      figures := jsonb_build_object('state', h.state, 'ended_by', h.ended_by);
      RETURN NEXT; CONTINUE;
    END IF;
    more := greatest(op.accrued - h.amount, 0);
    IF more > wallet.balance - wallet.held THEN
      outcome := 'stop'; more := 0;
    ELSE
      outcome := 'continue';
    END IF;
    until := least(billing_now() + op.ttl * interval '1 second', h.authorised_at + interval '24 hours');
    UPDATE wallets_wallet w SET held = w.held + more WHERE more > 0 AND w.organisation_id = op.organisation;
    UPDATE wallets_hold q SET amount = h.amount + more, expires_at = greatest(q.expires_at, until),
        accrued = greatest(h.accrued, least(op.accrued, h.amount + more))
      WHERE q.id = op.hold RETURNING * INTO h;
    figures := jsonb_build_object('held', h.amount::text, 'accrued', h.accrued::text,
      'available', (wallet.balance - wallet.held - more)::text, 'expires_at', to_json(h.expires_at));
    RETURN NEXT;
  END LOOP;
END $$;
