-- How many output tokens `room` pays for, at most `wanted`; -1 where not even `fixed` fits. div() is exact: an
-- ordinary division rounds, and could grant a token too many.
CREATE OR REPLACE FUNCTION wallets_affordable(room numeric, fixed numeric, unit numeric, wanted bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN fixed > room THEN -1
              WHEN unit = 0 THEN wanted
              ELSE least(wanted, div(room - fixed, unit))::bigint END
$$;

-- Upwards to nine places: an exact cost surely fits into what is held for it. Multiplied, since a division keeps only
-- some 16 digits and would round large amounts a second time.
CREATE OR REPLACE FUNCTION wallets_round_up(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT ceil(amount * 1000000000) * 0.000000001
$$;

-- Hold the worst case of each call: `fixed` + `unit` a token, for as many tokens as fit, at least `minimum`.
-- The check and the hold are one step under the wallet's lock; a refusal is remembered like a success.
CREATE OR REPLACE FUNCTION wallets_authorise(operations json)
RETURNS TABLE (n int, outcome text, hold uuid, figures jsonb, replayed boolean) LANGUAGE plpgsql AS $$
DECLARE
  op record; wallet wallets_wallet; room numeric; tokens bigint; amount numeric(20, 9); now_ timestamptz;
BEGIN
  PERFORM wallets_lock(wallets_organisations(operations));
  FOR op IN SELECT * FROM json_to_recordset(operations) AS t (n int, organisation bigint, key text, fingerprint text,
      hold uuid, fixed numeric, unit numeric, asked bigint, wanted bigint, minimum bigint, ttl int, terms jsonb)
    ORDER BY t.organisation, t.n
  LOOP
    n := op.n;
    SELECT s.outcome, s.hold, s.figures, true INTO outcome, hold, figures, replayed
      FROM wallets_seen(op.organisation, op.key, op.fingerprint) s;
    IF FOUND THEN RETURN NEXT; CONTINUE; END IF;

    SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
    room := wallet.balance - wallet.held;
    tokens := wallets_affordable(room, op.fixed, op.unit, op.wanted);
    now_ := wallets_posting_time(wallet);
    replayed := false;
    IF tokens < op.minimum THEN
      outcome := 'refused'; hold := NULL;
      figures := jsonb_build_object('available', room::text, 'affordable_output_tokens', greatest(tokens, 0),
        'required', wallets_round_up(op.fixed + op.unit * op.minimum)::numeric(40, 9)::text, 'limiting_scope', 'wallet');
    ELSE
      outcome := 'authorised'; hold := op.hold;
      amount := wallets_round_up(op.fixed + op.unit * tokens);
      INSERT INTO wallets_hold (id, organisation_id, amount, accrued, state, ended_by, terms, authorised_at, expires_at)
        VALUES (op.hold, op.organisation, amount, 0, 'open', '', op.terms, now_, now_ + op.ttl * interval '1 second');
      UPDATE wallets_wallet w SET held = w.held + amount WHERE w.organisation_id = op.organisation;
      figures := jsonb_build_object('max_output_tokens', tokens, 'clamped', tokens < op.asked, 'held', amount::text, 'available', (room - amount)::text,
        'expires_at', to_json(now_ + op.ttl * interval '1 second'));
    END IF;
    PERFORM wallets_remember(op.organisation, op.key, op.fingerprint, outcome, hold, figures);
    RETURN NEXT;
  END LOOP;
END $$;
