-- The ledger of made_call: a lot of credits for every day, spent to the last cent before the next one comes. The newest
-- lot of every organisation but the stopped one leaves 1,000 over.
CREATE UNLOGGED TABLE made_lot AS
SELECT organisation_id, day, row_number() OVER (PARTITION BY organisation_id ORDER BY day DESC) = 1
         AND organisation_id <> current_setting('history.stopped')::bigint AS leaves_some,
       begun - interval '1 millisecond' AS at, charged, NULL::bigint AS grant_id
FROM (SELECT organisation_id, at::date AS day, min(at) AS begun, sum(cost - absorbed) AS charged
      FROM made_call GROUP BY 1, 2) d;

INSERT INTO wallets_grant (organisation_id, kind, amount, remaining, priority, owed, reason, key, granted_at)
SELECT organisation_id, CASE WHEN extract(dow FROM day) = 0 THEN 'promotional' ELSE 'paid' END,
       charged + CASE WHEN leaves_some THEN 1000 ELSE 0 END, CASE WHEN leaves_some THEN 1000 ELSE 0 END, 0, 0,
       'Bank transfer', 'history ' || day, at
FROM made_lot ORDER BY at, organisation_id;

UPDATE made_lot l SET grant_id = g.id FROM wallets_grant g
WHERE g.organisation_id = l.organisation_id AND g.key = 'history ' || l.day;

INSERT INTO wallets_transfer (organisation_id, kind, debit, credit, amount, balance_after, grant_id, hold_id, posted_at)
SELECT organisation_id, kind, debit, credit, amount,
       sum(change) OVER (PARTITION BY organisation_id ORDER BY at, place), grant_id, hold_id, at
FROM (
  SELECT g.organisation_id, 'grant' AS kind,
         CASE g.kind WHEN 'paid' THEN 'cash_clearing' ELSE 'promotional_expense' END AS debit, 'credits_' || g.kind AS credit,
         g.amount, g.amount AS change, g.id AS grant_id, NULL::uuid AS hold_id, g.granted_at AS at, 0 AS place
  FROM wallets_grant g
  UNION ALL
  SELECT c.organisation_id, 'usage', 'credits_' || g.kind, 'usage_revenue', c.cost - c.absorbed, c.absorbed - c.cost, g.id,
         c.hold_id, c.at, 1
  FROM made_call c JOIN made_lot l ON l.organisation_id = c.organisation_id AND l.day = c.at::date
  JOIN wallets_grant g ON g.id = l.grant_id
  UNION ALL
  SELECT organisation_id, 'absorbed', 'absorbed_overrun', 'usage_revenue', absorbed, 0, NULL, hold_id, at, 2
  FROM made_call WHERE absorbed > 0
) t ORDER BY at, organisation_id, place;

INSERT INTO wallets_wallet (organisation_id, balance, held, absorbed_today, last_posted_at)
SELECT organisation_id, sum(remaining),
       (SELECT coalesce(sum(amount), 0) FROM wallets_hold h WHERE h.organisation_id = g.organisation_id AND h.state = 'open'), 0,
       (SELECT max(posted_at) FROM wallets_transfer t WHERE t.organisation_id = g.organisation_id)
FROM wallets_grant g GROUP BY organisation_id;

DROP TABLE made_call, made_other, made_lot, made_lane, made_model;
