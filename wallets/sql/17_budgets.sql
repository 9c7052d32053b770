-- The running periods of all budgets on these subjects; a period is opened by the first call in it. `room` is what may
-- still be spent, infinite where the budget only alerts.
CREATE OR REPLACE FUNCTION wallets_budgets(of_organisation bigint, subjects text[], at timestamptz, OUT periods bigint[],
    OUT on_subjects text[], OUT rooms numeric[]) LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
DECLARE day date;
BEGIN
  day := billing_day(at, zone_of(of_organisation));
  FOR attempt IN 1 .. 2 LOOP
    SELECT array_agg(p.id), array_agg(b.subject::text), array_agg(wallets_room(b, p)) INTO periods, on_subjects, rooms
      FROM wallets_budget b LEFT JOIN wallets_budgetperiod p ON p.budget_id = b.id AND p.starts = billing_period(day, b.period)
      WHERE b.organisation_id = of_organisation AND b.subject = ANY (subjects) AND b.ended_at IS NULL;
    EXIT WHEN array_position(periods, NULL) IS NULL;
    INSERT INTO wallets_budgetperiod (organisation_id, budget_id, starts, used, held)
      SELECT of_organisation, b.id, billing_period(day, b.period), 0, 0 FROM wallets_budget b
      WHERE b.organisation_id = of_organisation AND b.subject = ANY (subjects) AND b.ended_at IS NULL
      ON CONFLICT DO NOTHING;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION wallets_room(budget wallets_budget, period wallets_budgetperiod) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN budget.hard THEN budget.amount - period.used - period.held ELSE 'Infinity' END
$$;

-- The smallest room among some budget periods; infinite where none stops calls. A budget that has ended stops none.
CREATE OR REPLACE FUNCTION wallets_room_of(of_periods bigint[]) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(min(wallets_room(b, p)), 'Infinity') FROM wallets_budgetperiod p JOIN wallets_budget b ON b.id = p.budget_id
          WHERE p.id = ANY (of_periods) AND b.ended_at IS NULL);
END $$;

-- What a refusal says of the budget period that binds.
CREATE OR REPLACE FUNCTION wallets_binding(of_period bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('limiting_scope', b.scope, 'budget', b.id, 'target', b.target, 'period', b.period,
    'budget_amount', b.amount::text, 'used', p.used::text,
    'resets_at', billing_period_end(p.starts, b.period, zone_of(b.organisation_id)))
  FROM wallets_budgetperiod p JOIN wallets_budget b ON b.id = p.budget_id WHERE p.id = of_period
$$;

-- Move what calls hold and used in budget periods, in id order; a budget whose use reaches its alert is marked.
CREATE OR REPLACE FUNCTION wallets_count(of_periods bigint[], held numeric[], used numeric[], at timestamptz) RETURNS void LANGUAGE plpgsql
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off AS $$
BEGIN
  IF of_periods IS NULL OR of_periods = '{}' THEN RETURN; END IF;
  UPDATE wallets_budgetperiod p SET held = p.held + c.held, used = p.used + c.used,
      alerted_at = coalesce(p.alerted_at, CASE WHEN p.used + c.used >= b.amount * b.alert_percent / 100 THEN at END)
  FROM (SELECT u.period, sum(u.held) AS held, sum(u.used) AS used FROM unnest(of_periods, held, used) AS u (period, held, used)
        GROUP BY u.period ORDER BY u.period) c, wallets_budget b
  WHERE p.id = c.period AND b.id = p.budget_id;
END $$;

-- What calls on a subject that were authorised in the running period have been charged, by transfers after one id.
CREATE OR REPLACE FUNCTION wallets_charged(of_organisation bigint, of_subject text, of_period text, after bigint,
    OUT charged numeric, OUT newest bigint) LANGUAGE sql STABLE AS $$
  WITH running AS MATERIALIZED (
    SELECT billing_period(billing_day(billing_now(), z.zone), of_period)::timestamp AT TIME ZONE z.zone AS begins
    FROM (SELECT zone_of(of_organisation) AS zone) z
  )
  SELECT coalesce(sum(-wallets_change(t.debit, t.credit, t.amount)) FILTER (WHERE of_subject = ANY (h.subjects) AND h.authorised_at >= r.begins), 0),
         coalesce(max(t.id), after)
  FROM running r JOIN wallets_transfer t ON t.organisation_id = of_organisation AND t.posted_at >= r.begins AND t.id > after
  LEFT JOIN wallets_hold h ON h.id = t.hold_id
$$;

-- Open the running period of a new budget with what was charged so far and with what running calls hold.
CREATE OR REPLACE FUNCTION wallets_open_budget(of_budget bigint, charged numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE budget wallets_budget; zone text; opened bigint; first_day date;
BEGIN
  SELECT * INTO budget FROM wallets_budget b WHERE b.id = of_budget;
  zone := zone_of(budget.organisation_id);
  first_day := billing_period(billing_day(billing_now(), zone), budget.period);
  INSERT INTO wallets_budgetperiod (organisation_id, budget_id, starts, used, held)
    VALUES (budget.organisation_id, of_budget, first_day, charged, 0) RETURNING id INTO opened;
  WITH running AS (
    UPDATE wallets_hold h SET budget_periods = h.budget_periods || opened
    WHERE h.organisation_id = budget.organisation_id AND h.state = 'open' AND budget.subject = ANY (h.subjects)
      AND billing_period(billing_day(h.authorised_at, zone), budget.period) = first_day RETURNING h.amount
  ) UPDATE wallets_budgetperiod p SET held = (SELECT coalesce(sum(r.amount), 0) FROM running r) WHERE p.id = opened;
  PERFORM wallets_count(ARRAY[opened], ARRAY[0::numeric], ARRAY[0::numeric], billing_now());
END $$;
