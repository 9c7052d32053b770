-- What the checks of the ledger look at: rows that changed since a moment; '-infinity' is everything. SELECTs that
-- PostgreSQL takes into the statement which asks, so that a short time is read through an index and the whole is not.

CREATE OR REPLACE FUNCTION wallets_changed_transfers(since timestamptz) RETURNS SETOF wallets_transfer LANGUAGE sql STABLE AS $$
  SELECT t.* FROM wallets_wallet w JOIN wallets_transfer t ON t.organisation_id = w.organisation_id
  WHERE w.last_posted_at >= since AND t.posted_at >= since
$$;

-- Lots that are left, and those that are new.
CREATE OR REPLACE FUNCTION wallets_changed_grants(since timestamptz) RETURNS SETOF wallets_grant LANGUAGE sql STABLE AS $$
  SELECT g.* FROM wallets_wallet w JOIN wallets_grant g ON g.organisation_id = w.organisation_id
  WHERE w.last_posted_at >= since AND (g.remaining > 0 OR g.granted_at >= since)
$$;

-- Open holds, and those that are new.
CREATE OR REPLACE FUNCTION wallets_changed_holds(since timestamptz) RETURNS SETOF wallets_hold LANGUAGE sql STABLE AS $$
  SELECT h.* FROM wallets_wallet w JOIN wallets_hold h ON h.organisation_id = w.organisation_id
  WHERE (w.last_posted_at >= since OR w.held > 0) AND (h.authorised_at >= since OR h.state = 'open')
$$;

-- What a transfer does to the balance: above zero where it brings credits in, zero where it moves none of the customer's.
CREATE OR REPLACE FUNCTION wallets_change(debit text, credit text, amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN credit LIKE 'credits\_%' THEN amount WHEN debit LIKE 'credits\_%' THEN -amount ELSE 0 END
$$;
