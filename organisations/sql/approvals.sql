-- A decision is final: nothing follows on it, and no row begins decided, whatever the program that writes it believes.
CREATE OR REPLACE FUNCTION approval_is_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.state <> 'asked' THEN
    RAISE EXCEPTION 'an approval begins by being asked for' USING ERRCODE = '23514';
  ELSIF TG_OP = 'UPDATE' AND OLD.state <> 'asked' AND NEW IS DISTINCT FROM OLD THEN
    RAISE EXCEPTION 'approval % is decided already', OLD.id USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER decided_once BEFORE INSERT OR UPDATE ON organisations_approval
  FOR EACH ROW EXECUTE FUNCTION approval_is_decided_once();
