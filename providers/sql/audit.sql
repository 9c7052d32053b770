-- Who changed what calls cost, and when: rates are never changed, but who entered one must be known as well.
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON providers_model
  FOR EACH ROW EXECUTE FUNCTION audit_change('', '');
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON providers_modelalias
  FOR EACH ROW EXECUTE FUNCTION audit_change('', '');
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON providers_rate
  FOR EACH ROW EXECUTE FUNCTION audit_change('', '');
