-- Who set, changed and ended a budget. Envelopes of runs are opened by keys, thousands of them: they are left out.
CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE ON wallets_budget
  FOR EACH ROW WHEN (NEW.scope <> 'run') EXECUTE FUNCTION audit_change('subject', '');
