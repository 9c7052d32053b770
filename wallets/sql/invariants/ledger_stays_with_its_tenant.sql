-- What a transfer names belongs to the same organisation as the transfer.
-- looks at: wallets_changed_transfers(%(since)s)
SELECT t.id, t.organisation_id, g.id AS lot, h.id AS hold, r.id AS charge, c.id AS claw_back, a.id AS adjustment, o.id AS corrects
FROM wallets_changed_transfers(%(since)s) t
LEFT JOIN wallets_grant g ON g.id = t.grant_id LEFT JOIN wallets_hold h ON h.id = t.hold_id
LEFT JOIN wallets_charge r ON r.id = t.charge_id LEFT JOIN wallets_clawback c ON c.id = t.claw_back_id
LEFT JOIN wallets_adjustment a ON a.id = t.adjustment_id LEFT JOIN wallets_transfer o ON o.id = t.corrects_id
WHERE t.organisation_id <> ANY (ARRAY[g.organisation_id, h.organisation_id, r.organisation_id, c.organisation_id,
                                      a.organisation_id, o.organisation_id])
