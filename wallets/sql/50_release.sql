-- Give holds back unspent. A call that has already reported cost must settle instead.
CREATE OR REPLACE FUNCTION wallets_release(operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean) LANGUAGE plpgsql AS $$
DECLARE
  op record; wallet wallets_wallet; h wallets_hold; now_ timestamptz;
BEGIN
  PERFORM wallets_lock(wallets_organisations(operations));
  FOR op IN SELECT * FROM json_to_recordset(operations) AS t (n int, organisation bigint, key text, fingerprint text,
      hold uuid, ended_by text) ORDER BY t.organisation, t.n
  LOOP
    n := op.n;
    SELECT s.outcome, s.hold, s.figures, true INTO outcome, hold, figures, replayed
      FROM wallets_seen(op.organisation, op.key, op.fingerprint) s;
    IF FOUND THEN RETURN NEXT; CONTINUE; END IF;

    SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
    SELECT * INTO h FROM wallets_hold q WHERE q.id = op.hold AND q.organisation_id = op.organisation;
    now_ := wallets_posting_time(wallet);
    hold := op.hold; replayed := false;
    outcome := coalesce(wallets_refusal(h, op.ended_by, now_), CASE WHEN h.accrued > 0 THEN 'accrued' END);
    IF outcome IS NOT NULL THEN
      figures := jsonb_build_object('state', h.state, 'ended_by', h.ended_by, 'accrued', h.accrued::text);
      RETURN NEXT; CONTINUE;
    END IF;
    UPDATE wallets_wallet w SET held = w.held - h.amount WHERE w.organisation_id = op.organisation RETURNING * INTO wallet;
    UPDATE wallets_hold q SET state = 'released', ended_by = op.ended_by, ended_at = now_ WHERE q.id = op.hold;
    outcome := 'released';
    figures := jsonb_build_object('released', h.amount::text, 'available', (wallet.balance - wallet.held)::text);
    IF op.key IS NOT NULL THEN
      PERFORM wallets_remember(op.organisation, op.key, op.fingerprint, outcome, hold, figures);
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;
