-- A usage record's charge and absorbed overrun are exactly what the ledger posted for its hold.
SELECT u.hold_id, u.charge, u.absorbed, t.charged, t.absorbed FROM (
  SELECT hold_id, sum(charge) AS charge, sum(absorbed) AS absorbed FROM metering_usagerecord GROUP BY hold_id) u
FULL JOIN (
  SELECT hold_id, coalesce(sum(amount) FILTER (WHERE kind = 'usage'), 0) AS charged,
         coalesce(sum(amount) FILTER (WHERE kind = 'absorbed'), 0) AS absorbed
  FROM wallets_transfer WHERE hold_id IS NOT NULL GROUP BY hold_id) t ON t.hold_id = u.hold_id
WHERE coalesce(u.charge, 0) <> coalesce(t.charged, 0) OR coalesce(u.absorbed, 0) <> coalesce(t.absorbed, 0)
