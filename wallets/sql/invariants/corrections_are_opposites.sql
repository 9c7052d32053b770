-- A correction is the opposite of the transfer it names, of its lot and cause; together they never exceed it.
-- looks at: wallets_changed_transfers(%(since)s)
SELECT t.id, t.organisation_id, t.corrects_id, t.debit, t.credit, t.amount
FROM wallets_changed_transfers(%(since)s) t JOIN wallets_transfer o ON o.id = t.corrects_id
WHERE (t.debit, t.credit, t.grant_id, t.hold_id, t.charge_id, t.claw_back_id)
      IS DISTINCT FROM (o.credit, o.debit, o.grant_id, o.hold_id, o.charge_id, o.claw_back_id)
   OR o.kind = 'correction' OR o.id > t.id
   OR (SELECT sum(c.amount) FROM wallets_transfer c WHERE c.corrects_id = o.id) > o.amount
