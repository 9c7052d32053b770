-- The audit trail: one trigger for all audited tables, so that a bulk update or a statement by hand is recorded too.
-- SECURITY DEFINER: the app role has no right to write entries itself, so none can be forged.
-- Arguments: columns that don't count as a change, and columns whose values are never copied.
CREATE OR REPLACE FUNCTION audit_change() RETURNS trigger LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  scope text := platform_scope();
  before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - string_to_array(TG_ARGV[0], ',') END;
  after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - string_to_array(TG_ARGV[0], ',') END;
  whole jsonb := coalesce(after, before);
  secret text;
BEGIN
  IF before = after THEN RETURN NULL; END IF;
  IF TG_OP = 'UPDATE' THEN -- only what changed
    SELECT jsonb_object_agg(k, before -> k), jsonb_object_agg(k, after -> k) INTO before, after
      FROM jsonb_object_keys(whole) k WHERE before -> k IS DISTINCT FROM after -> k;
  END IF;
  FOREACH secret IN ARRAY string_to_array(TG_ARGV[1], ',') LOOP
    IF before ? secret THEN before := before || jsonb_build_object(secret, 'hidden'); END IF;
    IF after ? secret THEN after := after || jsonb_build_object(secret, 'hidden'); END IF;
  END LOOP;
  PERFORM set_config('app.platform', 'write', true); -- a person's own password change happens outside of any scope
  INSERT INTO organisations_auditentry (at, organisation_id, actor, request, action, "table", "row", before, after)
  VALUES (clock_timestamp(),
          CASE TG_TABLE_NAME WHEN 'organisations_organisation' THEN (whole ->> 'id')::bigint
                             ELSE (whole ->> 'organisation_id')::bigint END,
          coalesce(NULLIF(current_setting('app.actor', true), ''), 'system'),
          coalesce(current_setting('app.request', true), ''),
          lower(TG_OP), TG_TABLE_NAME,
          coalesce(whole ->> 'id', whole ->> 'organisation_id')::bigint, before, after);
  PERFORM set_config('app.platform', scope, true);
  RETURN NULL;
END $$;

-- Else a trigger on a temporary table of the app role's own could write entries of its choice.
REVOKE EXECUTE ON FUNCTION audit_change() FROM PUBLIC;

CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organisations_user
  FOR EACH ROW EXECUTE FUNCTION audit_change('last_login', 'password');
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organisations_organisation
  FOR EACH ROW EXECUTE FUNCTION audit_change('', '');
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organisations_member
  FOR EACH ROW EXECUTE FUNCTION audit_change('', '');
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organisations_project
  FOR EACH ROW EXECUTE FUNCTION audit_change('', '');
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organisations_agent
  FOR EACH ROW EXECUTE FUNCTION audit_change('', '');
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organisations_apikey
  FOR EACH ROW EXECUTE FUNCTION audit_change('last_used_at', 'digest');
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON organisations_approval
  FOR EACH ROW EXECUTE FUNCTION audit_change('', '');

-- A key for one organisation, but bound to another's project or agent, would book one tenant's calls on another.
-- Foreign keys don't see tenants (and row-level security doesn't apply to them), so this does: within the
-- scope of the one who writes, another tenant's project does not exist.
CREATE OR REPLACE FUNCTION same_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.project_id IS NOT NULL AND NOT EXISTS
     (SELECT FROM organisations_project p WHERE p.id = NEW.project_id AND p.organisation_id = NEW.organisation_id) THEN
    RAISE EXCEPTION 'project % is not of organisation %', NEW.project_id, NEW.organisation_id USING ERRCODE = '23514';
  END IF;
  IF TG_TABLE_NAME = 'organisations_apikey' THEN
    IF NEW.agent_id IS NOT NULL AND NOT EXISTS
       (SELECT FROM organisations_agent a WHERE a.id = NEW.agent_id AND a.project_id = NEW.project_id) THEN
      RAISE EXCEPTION 'agent % is not of project %', NEW.agent_id, NEW.project_id USING ERRCODE = '23514';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER same_tenant BEFORE INSERT OR UPDATE ON organisations_agent
  FOR EACH ROW EXECUTE FUNCTION same_tenant();
CREATE OR REPLACE TRIGGER same_tenant BEFORE INSERT OR UPDATE ON organisations_apikey
  FOR EACH ROW EXECUTE FUNCTION same_tenant();
