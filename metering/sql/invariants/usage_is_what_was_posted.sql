-- What usage records charge and leave to the platform is what the ledger posted for their call, at the same moment.
-- looks at: metering_changed_usage(%(since)s), wallets_changed_transfers(%(since)s)
SELECT cause, posted_at, sum(charge) AS more_charged_than_posted, sum(absorbed) AS more_absorbed_than_posted FROM (
  SELECT coalesce(hold_id, intake_id) AS cause, posted_at, charge, absorbed FROM metering_changed_usage(%(since)s)
  UNION ALL
  SELECT coalesce(hold_id, charge_id), posted_at, wallets_change(debit, credit, amount),
         CASE 'absorbed_overrun' WHEN debit THEN -amount WHEN credit THEN amount ELSE 0 END
  FROM wallets_changed_transfers(%(since)s) WHERE hold_id IS NOT NULL OR charge_id IS NOT NULL) x
GROUP BY cause, posted_at HAVING sum(charge) <> 0 OR sum(absorbed) <> 0
