-- Give back what a call was charged too much: the opposite of its newest transfers first, into the lots they came from.
CREATE OR REPLACE FUNCTION wallets_unspend(of_organisation bigint, of_hold uuid, account text, amount numeric, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE t record; need numeric := amount; part numeric; after numeric;
BEGIN
  FOR t IN SELECT q.id, q.debit, q.grant_id, q.amount - coalesce((SELECT sum(c.amount) FROM wallets_transfer c WHERE c.corrects_id = q.id), 0) AS open
      FROM wallets_transfer q WHERE q.hold_id = of_hold AND q.corrects_id IS NULL AND q.debit LIKE account ORDER BY q.id DESC LOOP
    part := least(need, t.open);
    CONTINUE WHEN part <= 0;
    UPDATE wallets_wallet w SET balance = w.balance + CASE WHEN t.grant_id IS NULL THEN 0 ELSE part END, last_posted_at = at
      WHERE w.organisation_id = of_organisation RETURNING w.balance INTO after;
    UPDATE wallets_grant g SET remaining = g.remaining + part WHERE g.id = t.grant_id;
    INSERT INTO wallets_transfer (organisation_id, kind, debit, credit, amount, balance_after, grant_id, hold_id, corrects_id, posted_at)
      VALUES (of_organisation, 'correction', 'usage_revenue', t.debit, part, after, t.grant_id, of_hold, t.id, at);
    need := need - part;
  END LOOP;
  IF need > 0 THEN RAISE EXCEPTION 'call % was charged less than % would give back', of_hold, amount; END IF;
END $$;

-- Charge more for a call than it was settled with: what is available and hard budgets have room for; the rest is absorbed.
CREATE OR REPLACE FUNCTION wallets_charge_more(h wallets_hold, more numeric, absorbed numeric, at timestamptz, limit_ numeric)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE wallet wallets_wallet; lots record; parts numeric[];
BEGIN
  SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = h.organisation_id;
  SELECT * INTO lots FROM wallets_lots(h.organisation_id);
  parts := wallets_lay(more, lots.lefts, lots.since, lots.until, h.authorised_at);
  INSERT INTO wallets_transfer (organisation_id, kind, debit, credit, amount, balance_after, grant_id, hold_id, posted_at)
    SELECT h.organisation_id, t.kind, t.debit, 'usage_revenue', t.amount, t.balance_after, t.lot, h.id, at
    FROM wallets_transfers(lots.ids, lots.kinds, parts, absorbed, wallet.balance - more) t ORDER BY t.place;
  UPDATE wallets_grant g SET remaining = g.remaining - p.part FROM unnest(lots.ids, parts) AS p (lot, part) WHERE g.id = p.lot AND p.part > 0;
  UPDATE wallets_wallet w SET balance = w.balance - more, last_posted_at = at, (absorbed_day, absorbed_today, overrun_since) =
      (SELECT a.day, a.today, a.since FROM wallets_absorbing(w, absorbed, at, limit_) a) WHERE w.organisation_id = h.organisation_id;
END $$;

-- Change what a settled call was charged to what it turned out to cost. A lower cost never raises the charge, even
-- where a part was absorbed. Returns by how much charge and absorbed part changed. The caller holds the wallet's lock.
CREATE OR REPLACE FUNCTION wallets_revise(of_hold uuid, cost numeric, at timestamptz, limit_ numeric, OUT charge numeric, OUT absorbed numeric)
LANGUAGE plpgsql AS $$
DECLARE h wallets_hold; charged numeric; lost numeric; room numeric;
BEGIN
  SELECT * INTO h FROM wallets_hold q WHERE q.id = of_hold;
  SELECT coalesce(sum(-wallets_change(t.debit, t.credit, t.amount)), 0),
         coalesce(sum(CASE WHEN t.debit = 'absorbed_overrun' THEN t.amount WHEN t.credit = 'absorbed_overrun' THEN -t.amount END), 0)
    INTO charged, lost FROM wallets_transfer t WHERE t.hold_id = of_hold;
  IF cost > charged + lost THEN
    SELECT least(w.balance - w.held, wallets_room_of(h.budget_periods)) INTO room FROM wallets_wallet w WHERE w.organisation_id = h.organisation_id;
    charge := least(cost - charged - lost, greatest(room, 0)); absorbed := cost - charged - lost - charge;
    PERFORM wallets_charge_more(h, charge, absorbed, at, limit_);
  ELSE
    charge := least(charged, cost) - charged; absorbed := cost - (charged + charge) - lost;
    PERFORM wallets_unspend(h.organisation_id, of_hold, 'credits\_%', -charge, at);
    PERFORM wallets_unspend(h.organisation_id, of_hold, 'absorbed\_overrun', -absorbed, at);
    -- A lot that expired in the meantime has something again.
    UPDATE wallets_wallet w SET due_at = least(w.due_at, at) WHERE w.organisation_id = h.organisation_id AND charge < 0;
  END IF;
  PERFORM wallets_count(h.budget_periods, array_fill(0::numeric, ARRAY[cardinality(h.budget_periods)]),
                        array_fill(charge, ARRAY[cardinality(h.budget_periods)]), at);
END $$;
