-- Who may see rows in this transaction. `current_setting` gives '' (not NULL) on a connection that once had a
-- transaction-local value, hence NULLIF: nothing set = no rows.
CREATE OR REPLACE FUNCTION tenant_organisations() RETURNS bigint[] LANGUAGE sql STABLE AS $$
  SELECT coalesce(NULLIF(current_setting('app.organisations', true), '')::bigint[], '{}')
$$;
CREATE OR REPLACE FUNCTION platform_scope() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(current_setting('app.platform', true), '')
$$;
