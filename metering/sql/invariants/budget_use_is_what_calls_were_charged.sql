-- What is used of a budget's period is what calls were charged that count in it.
-- looks at: wallets_budgetperiod
-- nightly: a budget in total counts every call there ever was
-- Those are the calls that name the period, and those that had ended in it when the budget was made: what they had been
-- charged by then. (A zone changed since would cut their days in another way; the audit trail says when it was.)
WITH named AS (
  SELECT u.period AS id, sum(-wallets_change(t.debit, t.credit, t.amount)) AS charged
  FROM wallets_hold h CROSS JOIN unnest(h.budget_periods) AS u (period) JOIN wallets_transfer t ON t.hold_id = h.id GROUP BY u.period
), before AS (
  SELECT p.id, sum(-wallets_change(t.debit, t.credit, t.amount)) AS charged
  FROM wallets_budgetperiod p JOIN wallets_budget b ON b.id = p.budget_id JOIN organisations_organisation o ON o.id = b.organisation_id
  JOIN wallets_hold h ON h.organisation_id = b.organisation_id AND b.subject = ANY (h.subjects) AND h.authorised_at <= b.made_at
  JOIN wallets_transfer t ON t.hold_id = h.id AND t.posted_at <= b.made_at
  WHERE NOT p.id = ANY (h.budget_periods) AND billing_period(billing_day(h.authorised_at, o.billing_zone), b.period) = p.starts
  GROUP BY p.id
)
SELECT p.id, p.organisation_id, p.budget_id, p.starts, p.used, coalesce(n.charged, 0) + coalesce(e.charged, 0) AS charged
FROM wallets_budgetperiod p JOIN wallets_budget b ON b.id = p.budget_id LEFT JOIN named n ON n.id = p.id LEFT JOIN before e ON e.id = p.id
WHERE p.used <> coalesce(n.charged, 0) + coalesce(e.charged, 0) AND NOT EXISTS (
  SELECT FROM organisations_auditentry a WHERE a."table" = 'organisations_organisation' AND a."row" = b.organisation_id
    AND a.action = 'update' AND a.after ? 'billing_zone' AND a.at > b.made_at)
