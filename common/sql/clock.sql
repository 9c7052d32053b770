-- The billing clock. VOLATILE: two calls in one transaction may differ, as a clock does. PL/pgSQL keeps the plans of its
-- statements; a function in SQL that reads a table is planned anew in every statement that calls it.
CREATE OR REPLACE FUNCTION billing_now() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN clock_timestamp() + coalesce((SELECT ahead FROM common_clockoffset), interval '0');
END $$;

-- A billing day begins at local midnight of the billing zone: the one place that cuts days.
CREATE OR REPLACE FUNCTION billing_day(moment timestamptz, zone text) RETURNS date LANGUAGE sql STABLE AS $$
  SELECT (moment AT TIME ZONE zone)::date
$$;

-- A billing clock that went back would open a closed day again.
CREATE OR REPLACE FUNCTION clock_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.ahead < OLD.ahead THEN
    RAISE EXCEPTION 'the billing clock never goes back (% to %)', OLD.ahead, NEW.ahead;
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER clock_only_grows BEFORE UPDATE ON common_clockoffset
  FOR EACH ROW EXECUTE FUNCTION clock_only_grows();

-- The local day on which the period that `day` is in began, and the moment at which that period ends (NULL: never).
CREATE OR REPLACE FUNCTION billing_period(day date, period text) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE period WHEN 'day' THEN day WHEN 'month' THEN day - extract(day FROM day)::int + 1 ELSE DATE '1970-01-01' END
$$;
CREATE OR REPLACE FUNCTION billing_period_end(starts date, period text, zone text) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE period WHEN 'day' THEN starts + interval '1 day' WHEN 'month' THEN starts + interval '1 month' END
    AT TIME ZONE zone
$$;
