-- The calls of a history, in a table of its own: what each used and cost, evenly spread over the days before `end`.
-- Settings: history.rows (settled calls), history.per_day, history.end. Tables: made_lane, made_model (see build.py).
SET session_replication_role = replica;  -- no foreign keys to check: every row names what the cast has

CREATE UNLOGGED TABLE made_call AS
WITH numbered AS (
  SELECT n, hashint8extended(n, 1) & 1048575 AS dice, hashint8extended(n, 2) & 1048575 AS other_dice,
         current_setting('history.end')::timestamptz
           - (current_setting('history.rows')::bigint - n) * interval '1 day' / current_setting('history.per_day')::int AS at
  FROM generate_series(1, current_setting('history.rows')::bigint) n
), used AS (
  SELECT x.n, x.dice, x.other_dice, x.at, l.*, m.digest, m.input_price, m.cache_price, m.output_price, m.markup,
         200 + x.other_dice % 9000 AS input, CASE WHEN x.dice % 3 = 0 THEN x.dice % 5000 + 1 ELSE 0 END AS cached,
         20 + x.dice % 1500 AS output
  FROM numbered x JOIN made_lane l ON l.slot = x.dice % 1000 JOIN made_model m USING (model_id)
), costed AS (
  SELECT *, (input * input_price + cached * cache_price + output * output_price) * 0.000001 AS exact FROM used
)
SELECT n, dice, at, organisation_id, project_id, agent_id, api_key_id, model_id, "user", digest, input, output,
       gen_random_uuid() AS hold_id, gen_random_uuid() AS record_id, billing_day(at, zone) AS local_day,
       CASE WHEN cached > 0 THEN jsonb_build_object('input', input, 'cache_read', cached, 'output', output)
            ELSE jsonb_build_object('input', input, 'output', output) END AS leaves,
       round(exact, 9) AS list_cost, round(exact * markup, 9) AS cost,
       CASE WHEN other_dice % 400 = 0 THEN round(exact * markup / 4, 9) ELSE 0 END AS absorbed,
       other_dice % 100 = 1 AS estimated, CASE WHEN other_dice % 50 = 2 THEN 'failed' ELSE 'completed' END AS status
FROM costed;
ANALYZE made_call;
