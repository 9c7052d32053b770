-- What usage records charge and leave to the platform is what the ledger posted for their call, at the same moment.
-- looks at: metering_changed_usage(%(since)s), wallets_changed_transfers(%(since)s)
WITH used AS (
  SELECT coalesce(hold_id, intake_id) AS cause, posted_at, sum(charge) AS charge, sum(absorbed) AS absorbed
  FROM metering_changed_usage(%(since)s) GROUP BY 1, 2
), posted AS (
  SELECT coalesce(hold_id, charge_id) AS cause, posted_at, -sum(wallets_change(debit, credit, amount)) AS charge,
         sum(CASE 'absorbed_overrun' WHEN debit THEN amount WHEN credit THEN -amount ELSE 0 END) AS absorbed
  FROM wallets_changed_transfers(%(since)s) WHERE hold_id IS NOT NULL OR charge_id IS NOT NULL GROUP BY 1, 2
)
SELECT cause, posted_at, u.charge, u.absorbed, p.charge AS posted_charge, p.absorbed AS posted_absorbed
FROM used u FULL JOIN posted p USING (cause, posted_at)
WHERE coalesce(u.charge, 0) <> coalesce(p.charge, 0) OR coalesce(u.absorbed, 0) <> coalesce(p.absorbed, 0)
