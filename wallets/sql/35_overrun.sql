-- A wallet's count of what the platform absorbed on one local day, with what it absorbs just now; above the limit its
-- calls are suspended. Called in the update that posts, so that the next call already meets the suspension.
CREATE OR REPLACE FUNCTION wallets_absorbing(wallet wallets_wallet, absorbed numeric, at timestamptz, limit_ numeric,
    OUT day date, OUT today numeric, OUT since timestamptz) LANGUAGE plpgsql STABLE AS $$
BEGIN
  day := wallet.absorbed_day; today := wallet.absorbed_today; since := wallet.overrun_since;
  IF absorbed = 0 THEN RETURN; END IF;
  day := billing_day(at, zone_of(wallet.organisation_id));
  today := absorbed + CASE WHEN day = wallet.absorbed_day THEN wallet.absorbed_today ELSE 0 END;
  IF today > limit_ THEN since := coalesce(since, at); END IF;
END $$;
