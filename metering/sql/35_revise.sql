-- Replace what a call was settled with by what it really used: a further record of the signed differences, the money as
-- transfers, in one commit. Only an estimate can be replaced, only for a day, and only the one (`base`: how many records
-- there were) that the differences were taken from: under the lock, of two reports at once one finds it gone.
CREATE OR REPLACE FUNCTION metering_revise(operation jsonb, absorbed_limit numeric, OUT outcome text, OUT figures jsonb, OUT replayed boolean)
LANGUAGE plpgsql AS $$
DECLARE op record; seen wallets_idempotencyrecord; h wallets_hold; wallet wallets_wallet; last metering_usagerecord; at timestamptz; changed record;
BEGIN
  SELECT * INTO op FROM jsonb_to_record(operation) AS o (organisation bigint, key text, fingerprint text, hold uuid, cost numeric(20, 9),
    record uuid, base int, status text, service_tier text, class_tokens bigint, leaves jsonb, raw jsonb, list_cost numeric,
    estimated boolean, flags jsonb);
  PERFORM wallets_lock(ARRAY[op.organisation]);
  SELECT * INTO seen FROM wallets_idempotencyrecord r WHERE r.organisation_id = op.organisation AND r.scope = 'api' AND r.key = op.key;
  IF FOUND THEN
    SELECT a.outcome, a.figures, true INTO outcome, figures, replayed FROM wallets_first_answer(seen, op.fingerprint) a;
    RETURN;
  END IF;
  replayed := false;
  SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
  SELECT * INTO h FROM wallets_hold q WHERE q.id = op.hold AND q.organisation_id = op.organisation;
  SELECT * INTO last FROM metering_usagerecord u WHERE u.hold_id = op.hold ORDER BY u.revision DESC LIMIT 1;
  at := wallets_posting_time(wallet);
  IF last.id IS NULL OR NOT last.estimated OR last.revision + 1 <> op.base OR h.ended_at <= at - interval '24 hours'
     -- A sandbox that started over since then has no more to do with the calls before.
     OR EXISTS (SELECT FROM wallets_grant g WHERE g.organisation_id = op.organisation AND g.key LIKE 'start over %' AND g.granted_at >= h.ended_at) THEN
    outcome := 'ended'; figures := jsonb_build_object('state', h.state, 'ended_by', h.ended_by);
    RETURN;
  END IF;
  SELECT * INTO changed FROM wallets_revise(op.hold, op.cost, at, absorbed_limit);
  INSERT INTO metering_usagerecord (id, organisation_id, hold_id, revision, project_id, agent_id, api_key_id, model_id, "user", run,
      status, service_tier, class_tokens, leaves, raw, list_cost, cost, charge, absorbed, estimated, flags, occurred_at, posted_at, local_day)
    SELECT op.record, last.organisation_id, last.hold_id, op.base, last.project_id, last.agent_id, last.api_key_id, last.model_id, last."user",
      last.run, op.status, op.service_tier, op.class_tokens, op.leaves, op.raw, op.list_cost, changed.charge + changed.absorbed,
      changed.charge, changed.absorbed, op.estimated, op.flags, last.occurred_at, at, billing_day(at, o.billing_zone)
    FROM organisations_organisation o WHERE o.id = op.organisation;
  INSERT INTO metering_overrunalert (organisation_id, usage_id, absorbed, raised_at)
    SELECT op.organisation, op.record, changed.absorbed, at WHERE changed.absorbed > 0;
  PERFORM metering_sum_up(ARRAY[op.record]);
  SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = op.organisation;
  outcome := 'revised';
  figures := jsonb_build_object('revision', op.base, 'available', (wallet.balance - wallet.held)::text);
  INSERT INTO wallets_idempotencyrecord (organisation_id, scope, key, fingerprint, outcome, hold_id, figures, created_at)
    VALUES (op.organisation, 'api', op.key, op.fingerprint, outcome, op.hold, figures, at);
END $$;
