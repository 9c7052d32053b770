-- An adjustment changes the balance by its amount; what undoes it is the opposite.
-- looks at: wallets_adjustment
SELECT a.id, a.organisation_id, a.amount, t.posted, first.amount AS of_first
FROM wallets_adjustment a LEFT JOIN wallets_adjustment first ON first.id = a.undoes_id LEFT JOIN LATERAL (
  SELECT sum(wallets_change(q.debit, q.credit, q.amount)) AS posted FROM wallets_transfer q WHERE q.adjustment_id = a.id) t ON true
WHERE a.amount IS DISTINCT FROM t.posted OR a.amount + first.amount <> 0
