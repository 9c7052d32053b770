-- Post one transfer that changes a lot and the wallet's balance with it. The caller holds the wallet's lock.
CREATE OR REPLACE FUNCTION wallets_post(of_organisation bigint, what text, from_account text, to_account text,
    amount numeric, lot bigint, of_claw_back bigint, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE change numeric := CASE WHEN to_account LIKE 'credits\_%' THEN amount ELSE -amount END; after numeric;
BEGIN
  UPDATE wallets_wallet w SET balance = w.balance + change, last_posted_at = at
    WHERE w.organisation_id = of_organisation RETURNING w.balance INTO after;
  UPDATE wallets_grant g SET remaining = g.remaining + change WHERE g.id = lot;
  INSERT INTO wallets_transfer
    (organisation_id, kind, debit, credit, amount, balance_after, grant_id, claw_back_id, posted_at)
    VALUES (of_organisation, what, from_account, to_account, amount, after, lot, of_claw_back, at);
END $$;

-- What of an included lot lives on when its period ends: a new lot, up to the cap, spent before the new allowance.
-- Returns how much that is.
CREATE OR REPLACE FUNCTION wallets_roll_over(lot wallets_grant, unused numeric, at timestamptz) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE rolled numeric; new_lot bigint;
BEGIN
  SELECT least(unused, coalesce(lot.rollover_cap, 0) - coalesce(sum(g.amount), 0)) INTO rolled FROM wallets_grant g WHERE g.rolled_from_id = lot.id;
  IF coalesce(rolled, 0) <= 0 OR lot.rollover_expires_at <= at THEN RETURN 0; END IF;
  PERFORM wallets_post(lot.organisation_id, 'rollover', 'credits_included', 'included_expense', rolled, lot.id, NULL, at);
  INSERT INTO wallets_grant (organisation_id, kind, amount, remaining, priority, expires_at, period_start, rolled_from_id,
      owed, reason, key, granted_at)
    SELECT lot.organisation_id, 'included', rolled, 0, lot.priority - 1, lot.rollover_expires_at, lot.period_start, lot.id,
      0, 'Rolled over', 'rollover ' || lot.id || ' ' || count(*), at
    FROM wallets_grant g WHERE g.rolled_from_id = lot.id RETURNING id INTO new_lot;
  PERFORM wallets_post(lot.organisation_id, 'rollover', 'included_expense', 'credits_included', rolled, new_lot, NULL, at);
  RETURN rolled;
END $$;

-- See to the lots that have expired or are owed back, as far as no running call may need them; the rest follows when
-- those calls end. What is owed goes first, then what rolls over, and what is left then is breakage.
CREATE OR REPLACE FUNCTION wallets_close_lots(of_organisation bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE wallet wallets_wallet; due record; lot wallets_grant; free numeric; part numeric; at timestamptz; claim record;
BEGIN
  SELECT * INTO wallet FROM wallets_wallet w WHERE w.organisation_id = of_organisation;
  at := wallets_posting_time(wallet);
  FOR due IN SELECT g AS lot, g.remaining - c.covered AS free FROM wallets_covered(of_organisation) c
      JOIN wallets_grant g ON g.id = c.lot
      WHERE g.remaining > c.covered AND (g.expires_at <= at OR g.owed > 0) ORDER BY g.id LOOP
    lot := due.lot; free := due.free;
    FOR claim IN SELECT t.claw_back_id AS id, sum(CASE WHEN t.debit = 'receivable' THEN t.amount ELSE -t.amount END) AS open
        FROM wallets_transfer t WHERE t.grant_id = lot.id AND t.claw_back_id IS NOT NULL AND 'receivable' IN (t.debit, t.credit)
        GROUP BY t.claw_back_id ORDER BY t.claw_back_id LOOP
      part := least(claim.open, free);
      CONTINUE WHEN part <= 0;
      PERFORM wallets_post(of_organisation, 'collection', 'credits_' || lot.kind, 'receivable', part, lot.id, claim.id, at);
      UPDATE wallets_grant g SET owed = g.owed - part, barred_at = CASE WHEN g.owed > part THEN g.barred_at END WHERE g.id = lot.id;
      free := free - part;
    END LOOP;
    CONTINUE WHEN free <= 0 OR lot.expires_at IS NULL OR lot.expires_at > at;
    free := free - wallets_roll_over(lot, free, at);
    IF free > 0 THEN
      PERFORM wallets_post(of_organisation, 'breakage', 'credits_' || lot.kind, 'breakage_revenue', free, lot.id, NULL, at);
    END IF;
  END LOOP;
  UPDATE wallets_wallet w SET due_at =
      (SELECT min(least(g.expires_at, g.barred_at)) FROM wallets_grant g WHERE g.organisation_id = of_organisation AND g.remaining > 0)
    WHERE w.organisation_id = of_organisation;
END $$;
