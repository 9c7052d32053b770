-- Lock the wallets of a batch. Always first and in id order, so that two batches can't wait for each other; what is
-- decided on is read in later statements, since a row read by the locking statement itself could be a stale one.
-- Lots that have expired or are owed back are seen to at once: nothing that is decided after may count on them. All is
-- decided as of one moment, that of the lock: a lot that expires a moment later would else be held, but never be there.
CREATE OR REPLACE FUNCTION wallets_lock(organisations bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE due bigint;
BEGIN
  PERFORM set_config('app.organisations', organisations::text, true);
  -- A batch of several kinds locks all its wallets first; what it calls asks again. The setting ends with the transaction.
  IF organisations::text IS DISTINCT FROM current_setting('app.locked', true) THEN
    INSERT INTO wallets_wallet (organisation_id, balance, held, last_posted_at, absorbed_today)
      SELECT o, 0, 0, billing_now(), 0 FROM unnest(organisations) o
      WHERE NOT EXISTS (SELECT FROM wallets_wallet w WHERE w.organisation_id = o)
      ON CONFLICT DO NOTHING;
    PERFORM 1 FROM wallets_wallet w WHERE w.organisation_id = ANY (organisations)
      ORDER BY w.organisation_id FOR NO KEY UPDATE;
    PERFORM set_config('app.locked', organisations::text, true);
  END IF;
  PERFORM set_config('app.moment', billing_now()::text, true);
  FOR due IN SELECT w.organisation_id FROM wallets_wallet w
      WHERE w.organisation_id = ANY (organisations) AND w.due_at <= wallets_posting_time(w) LOOP
    PERFORM wallets_close_lots(due);
  END LOOP;
END $$;

-- The date of a posting: the moment of the lock, and never before an earlier posting of this wallet.
CREATE OR REPLACE FUNCTION wallets_posting_time(wallet wallets_wallet) RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT greatest(wallet.last_posted_at, current_setting('app.moment')::timestamptz)
$$;

-- What a repeated key got the first time; 'key_reused' where it now asks for something else.
CREATE OR REPLACE FUNCTION wallets_first_answer(seen wallets_idempotencyrecord, asks text, OUT outcome text, OUT hold uuid,
    OUT figures jsonb, OUT replayed boolean) LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN seen.fingerprint = asks THEN seen.outcome ELSE 'key_reused' END, seen.hold_id, seen.figures, true
$$;

CREATE OR REPLACE FUNCTION wallets_others(these text[], known text[]) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE WHEN known = '{}' THEN these ELSE ARRAY(SELECT t FROM unnest(these) t WHERE t <> ALL (known)) END;
END $$;
