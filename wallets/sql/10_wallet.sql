-- Lock the wallets of a batch. Always first and in id order, so that two batches can't wait for each other; what is
-- decided on is read in later statements, since a row read by the locking statement itself could be a stale one.
CREATE OR REPLACE FUNCTION wallets_lock(organisations bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.organisations', organisations::text, true);
  INSERT INTO wallets_wallet (organisation_id, balance, held, last_posted_at)
    SELECT o, 0, 0, billing_now() FROM unnest(organisations) o
    WHERE NOT EXISTS (SELECT FROM wallets_wallet w WHERE w.organisation_id = o)
    ON CONFLICT DO NOTHING;
  PERFORM 1 FROM wallets_wallet w WHERE w.organisation_id = ANY (organisations)
    ORDER BY w.organisation_id FOR NO KEY UPDATE;
END $$;

CREATE OR REPLACE FUNCTION wallets_organisations(operations json) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(DISTINCT (o ->> 'organisation')::bigint) FROM json_array_elements(operations) o
$$;

-- The date of a posting: taken under the lock and never before an earlier one of this wallet.
CREATE OR REPLACE FUNCTION wallets_posting_time(wallet wallets_wallet) RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT greatest(wallet.last_posted_at, billing_now())
$$;

-- What a repeated key got the first time; 'key_reused' where it now asks for something else. No row: a new key.
CREATE OR REPLACE FUNCTION wallets_seen(of_organisation bigint, of_key text, asks text)
RETURNS TABLE (outcome text, hold uuid, figures jsonb) LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN r.fingerprint = asks THEN r.outcome ELSE 'key_reused' END, r.hold_id, r.figures
  FROM wallets_idempotencyrecord r WHERE r.organisation_id = of_organisation AND r.scope = 'api' AND r.key = of_key
$$;

CREATE OR REPLACE FUNCTION wallets_remember(of_organisation bigint, of_key text, asks text, what text, about uuid, got jsonb)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO wallets_idempotencyrecord (organisation_id, scope, key, fingerprint, outcome, hold_id, figures, created_at)
  VALUES (of_organisation, 'api', of_key, asks, what, about, got, billing_now())
$$;
