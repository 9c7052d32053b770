-- An organisation's lots with something left, in the order in which they are spent. A lot is there for calls that are
-- authorised from `since` until before `until`.
CREATE OR REPLACE FUNCTION wallets_lots(of_organisation bigint, OUT ids bigint[], OUT kinds text[], OUT lefts numeric[],
    OUT since timestamptz[], OUT until timestamptz[]) LANGUAGE plpgsql STABLE AS $$
BEGIN
  SELECT coalesce(array_agg(g.id), '{}'), coalesce(array_agg(g.kind::text), '{}'), coalesce(array_agg(g.remaining), '{}'),
         coalesce(array_agg(g.granted_at), '{}'), coalesce(array_agg(least(g.expires_at, g.barred_at, 'infinity')), '{}')
  INTO ids, kinds, lefts, since, until
  FROM (SELECT * FROM wallets_grant q WHERE q.organisation_id = of_organisation AND q.remaining > 0
        ORDER BY q.priority, q.expires_at NULLS LAST, q.kind = 'paid', q.id) g;
END $$;

-- How much of each lot an amount takes: first of those that were there when the call was authorised, then of those that
-- came later. One function for the hold's cover and for the charge, so that the two can't differ. Which lots a call may
-- spend never changes while it runs, also not when one expires that came later: what it holds would lose its cover then.
CREATE OR REPLACE FUNCTION wallets_lay(amount numeric, lefts numeric[], since timestamptz[], until timestamptz[],
    authorised_at timestamptz) RETURNS numeric[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE need numeric := amount; part numeric; parts numeric[] := array_fill(0::numeric, ARRAY[cardinality(lefts)]);
BEGIN
  FOR i IN 1 .. cardinality(lefts) LOOP
    EXIT WHEN need <= 0;
    CONTINUE WHEN since[i] > authorised_at OR until[i] <= authorised_at;
    part := least(need, lefts[i]);
    parts[i] := part; need := need - part;
  END LOOP;
  FOR i IN 1 .. cardinality(lefts) LOOP
    EXIT WHEN need <= 0;
    CONTINUE WHEN until[i] <= authorised_at;
    part := least(need, lefts[i] - parts[i]);
    parts[i] := parts[i] + part; need := need - part;
  END LOOP;
  RETURN parts;
END $$;

-- How much of each lot the running calls may still need: their holds laid over the lots, oldest first.
CREATE OR REPLACE FUNCTION wallets_covered(of_organisation bigint)
RETURNS TABLE (lot bigint, covered numeric) LANGUAGE plpgsql STABLE AS $$
DECLARE lots record; h record; lefts numeric[]; parts numeric[];
BEGIN
  SELECT * INTO lots FROM wallets_lots(of_organisation);
  lefts := lots.lefts;
  FOR h IN SELECT q.amount, q.authorised_at FROM wallets_hold q
      WHERE q.organisation_id = of_organisation AND q.state = 'open' ORDER BY q.authorised_at, q.id LOOP
    parts := wallets_lay(h.amount, lefts, lots.since, lots.until, h.authorised_at);
    FOR i IN 1 .. cardinality(lefts) LOOP lefts[i] := lefts[i] - parts[i]; END LOOP;
  END LOOP;
  RETURN QUERY SELECT i.id, i.whole - i.left_over FROM unnest(lots.ids, lots.lefts, lefts) AS i (id, whole, left_over);
END $$;

-- Which lots an amount would be taken from now, of what no running call may need: as much of it as there is. The caller
-- holds the wallet's lock.
CREATE OR REPLACE FUNCTION wallets_preview(of_organisation bigint, amount numeric)
RETURNS TABLE (lot bigint, part numeric) LANGUAGE plpgsql AS $$
DECLARE lots record; free numeric[];
BEGIN
  SELECT * INTO lots FROM wallets_lots(of_organisation);
  SELECT coalesce(array_agg(l.whole - c.covered ORDER BY l.place), '{}') INTO free
    FROM unnest(lots.ids, lots.lefts) WITH ORDINALITY AS l (id, whole, place) JOIN wallets_covered(of_organisation) c ON c.lot = l.id;
  RETURN QUERY SELECT p.lot, p.part FROM wallets_wallet w,
    unnest(lots.ids, wallets_lay(amount, free, lots.since, lots.until, wallets_posting_time(w))) AS p (lot, part)
    WHERE w.organisation_id = of_organisation AND p.part > 0;
END $$;
