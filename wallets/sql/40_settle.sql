-- Take `amount` out of the lots in spending order, one transfer a lot. Raises when the lots don't hold it: the wallet
-- row and its lots would disagree, and nothing may be posted on top of that.
CREATE OR REPLACE FUNCTION wallets_spend(of_organisation bigint, of_hold uuid, amount numeric, balance numeric, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE spent numeric;
BEGIN
  WITH lots AS (
    SELECT g.id, g.kind, g.remaining, sum(g.remaining) OVER spending - g.remaining AS before
    FROM wallets_grant g WHERE g.organisation_id = of_organisation AND g.remaining > 0
    WINDOW spending AS (ORDER BY g.priority, g.expires_at NULLS LAST, g.kind = 'paid', g.id)
  ), parts AS (
    SELECT l.id, l.kind, least(l.remaining, amount - l.before) AS part, l.before FROM lots l WHERE l.before < amount
  ), taken AS (
    UPDATE wallets_grant g SET remaining = g.remaining - p.part FROM parts p WHERE g.id = p.id RETURNING p.part
  ), posted AS (
    INSERT INTO wallets_transfer
      (organisation_id, kind, debit, credit, amount, balance_after, grant_id, hold_id, posted_at)
    SELECT of_organisation, 'usage', 'credits_' || p.kind, 'usage_revenue', p.part, balance - p.before - p.part, p.id, of_hold, at
    FROM parts p ORDER BY p.before
  )
  SELECT coalesce(sum(t.part), 0) INTO spent FROM taken t;
  IF spent <> amount THEN
    RAISE EXCEPTION 'the lots of organisation % hold % of %', of_organisation, spent, amount;
  END IF;
END $$;

-- Charge what calls cost: at most the hold and what is available; the rest is absorbed by the platform. Exactly once a
-- hold; `ended_by` 'expiry' only where the hold has really expired by now, since progress may have renewed it meanwhile.
CREATE OR REPLACE FUNCTION wallets_settle(operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean) LANGUAGE plpgsql AS $$
DECLARE
  op record; wallet wallets_wallet; h wallets_hold; charge numeric(20, 9); now_ timestamptz;
BEGIN
  PERFORM wallets_lock(wallets_organisations(operations));
  FOR op IN SELECT * FROM json_to_recordset(operations) AS t (n int, organisation bigint, key text, fingerprint text,
      hold uuid, cost numeric(20, 9), ended_by text) ORDER BY t.organisation, t.n
  LOOP
    n := op.n;
    SELECT s.outcome, s.hold, s.figures, true INTO outcome, hold, figures, replayed
      FROM wallets_seen(op.organisation, op.key, op.fingerprint) s;
    IF FOUND THEN RETURN NEXT; CONTINUE; END IF;

    SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
    SELECT * INTO h FROM wallets_hold q WHERE q.id = op.hold AND q.organisation_id = op.organisation;
    now_ := wallets_posting_time(wallet);
    hold := op.hold; replayed := false;
    outcome := wallets_refusal(h, op.ended_by, now_);
    IF outcome IS NOT NULL THEN
      figures := jsonb_build_object('state', h.state, 'ended_by', h.ended_by);
      RETURN NEXT; CONTINUE;
    END IF;
    charge := least(op.cost, h.amount + wallet.balance - wallet.held);
    PERFORM wallets_spend(op.organisation, op.hold, charge, wallet.balance, now_);
    INSERT INTO wallets_transfer (organisation_id, kind, debit, credit, amount, balance_after, hold_id, posted_at)
      SELECT op.organisation, 'absorbed', 'absorbed_overrun', 'usage_revenue', op.cost - charge, wallet.balance - charge, op.hold, now_
      WHERE op.cost > charge;
    UPDATE wallets_wallet w SET balance = w.balance - charge, held = w.held - h.amount, last_posted_at = now_
      WHERE w.organisation_id = op.organisation RETURNING * INTO wallet;
    UPDATE wallets_hold q SET state = 'settled', ended_by = op.ended_by, ended_at = now_ WHERE q.id = op.hold;
    outcome := 'settled';
    figures := jsonb_build_object('charge', charge::text, 'absorbed', (op.cost - charge)::text, 'held', h.amount::text,
      'available', (wallet.balance - wallet.held)::text, 'posted_at', to_json(now_));
    IF op.key IS NOT NULL THEN
      PERFORM wallets_remember(op.organisation, op.key, op.fingerprint, outcome, hold, figures);
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

-- Why a hold can't be ended this way; NULL where it can.
CREATE OR REPLACE FUNCTION wallets_refusal(h wallets_hold, ended_by text, at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN h.id IS NULL THEN 'missing'
              WHEN h.state <> 'open' THEN 'ended'
              WHEN ended_by = 'expiry' AND h.expires_at > at THEN 'renewed' END
$$;
