-- Another edition with every change of prices, models or plans. The number of a transaction never comes twice.
CREATE OR REPLACE FUNCTION new_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO plans_edition AS e (only_row, number) VALUES (true, pg_current_xact_id()::text::bigint)
    ON CONFLICT (only_row) DO UPDATE SET number = excluded.number WHERE e.number <> excluded.number;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER new_edition AFTER INSERT OR UPDATE OR DELETE ON plans_plan
  FOR EACH STATEMENT EXECUTE FUNCTION new_edition();
CREATE OR REPLACE TRIGGER new_edition AFTER INSERT OR UPDATE OR DELETE ON plans_subscription
  FOR EACH STATEMENT EXECUTE FUNCTION new_edition();
