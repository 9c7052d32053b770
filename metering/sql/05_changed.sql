-- Usage that was posted since a moment, for the checks of the ledger; see wallets/sql/05_changed.sql. The day is only
-- there to find it by index: no billing zone is two days away from UTC.
CREATE OR REPLACE FUNCTION metering_changed_usage(since timestamptz) RETURNS SETOF metering_usagerecord LANGUAGE sql STABLE AS $$
  SELECT u.* FROM wallets_wallet w JOIN metering_usagerecord u ON u.organisation_id = w.organisation_id
  WHERE w.last_posted_at >= since AND u.posted_at >= since AND u.local_day >= (since - interval '2 days')::date
$$;
