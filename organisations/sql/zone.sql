-- The zone in which an organisation's billing days are cut, for apps that know no more of organisations than their id.
CREATE OR REPLACE FUNCTION zone_of(of_organisation bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT o.billing_zone FROM organisations_organisation o WHERE o.id = of_organisation);
END $$;
