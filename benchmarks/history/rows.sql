-- The product's own rows out of made_call: holds, calls, usage and its sums, refusals.
INSERT INTO wallets_hold (id, organisation_id, amount, accrued, state, ended_by, terms_id, subjects, budget_periods, authorised_at,
  expires_at, ended_at)
SELECT hold_id, organisation_id, cost * 2, 0, 'settled', CASE WHEN estimated THEN 'expiry' ELSE 'call' END, digest, '{}', '{}',
       at - interval '4 seconds', at + interval '10 minutes', at
FROM made_call ORDER BY n;

INSERT INTO metering_call (hold_id, organisation_id, project_id, agent_id, api_key_id, model_id, "user", run, input_tokens,
  max_output_tokens, clamped, ttl_seconds, dispatched, seq, progress, reported)
SELECT hold_id, organisation_id, project_id, agent_id, api_key_id, model_id, "user", '', input, 4096, false, 600, true, -1,
       '{}', 0
FROM made_call ORDER BY n;

INSERT INTO metering_usagerecord (id, organisation_id, hold_id, revision, project_id, agent_id, api_key_id, model_id,
  "user", run, status, service_tier, leaves, list_cost, cost, charge, absorbed, estimated, flags, occurred_at, posted_at,
  local_day)
SELECT record_id, organisation_id, hold_id, 0, project_id, agent_id, api_key_id, model_id, "user", '', status, 'standard',
       leaves, list_cost, cost, cost - absorbed, absorbed, estimated, '[]', at, at, local_day
FROM made_call ORDER BY n;

INSERT INTO metering_dailyusage (organisation_id, local_day, project_id, agent_id, model_id, "user", requests, estimated,
  input_tokens, cached_tokens, output_tokens, list_cost, cost, charge, absorbed)
SELECT organisation_id, local_day, project_id, agent_id, model_id, "user", count(*), count(*) FILTER (WHERE estimated),
       sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(list_cost), sum(cost), sum(charge), sum(absorbed)
FROM metering_usagerecord GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2;

INSERT INTO metering_overrunalert (organisation_id, usage_id, absorbed, raised_at)
SELECT organisation_id, record_id, absorbed, at FROM made_call WHERE absorbed > 0 ORDER BY n;

-- Calls that were not made, one in fifty; three that run; refusals, one in a hundred.
CREATE UNLOGGED TABLE made_other AS
SELECT gen_random_uuid() AS hold_id, c.*, CASE WHEN latest <= 3 THEN 'open' ELSE 'released' END AS state FROM (
  SELECT organisation_id, project_id, agent_id, api_key_id, model_id, "user", digest, input, at,
         row_number() OVER (ORDER BY (organisation_id = current_setting('history.large')::bigint) DESC, n DESC) AS latest
  FROM made_call WHERE dice % 50 = 7) c;

INSERT INTO wallets_hold (id, organisation_id, amount, accrued, state, ended_by, terms_id, subjects, budget_periods, authorised_at,
  expires_at, ended_at)
SELECT hold_id, organisation_id, 0.5, 0, state, CASE state WHEN 'open' THEN '' ELSE 'call' END, digest, '{}', '{}', at,
       greatest(at, current_setting('history.end')::timestamptz) + interval '24 hours', CASE state WHEN 'open' THEN NULL ELSE at + interval '1 second' END
FROM made_other ORDER BY at;

INSERT INTO metering_call (hold_id, organisation_id, project_id, agent_id, api_key_id, model_id, "user", run, input_tokens,
  max_output_tokens, clamped, ttl_seconds, dispatched, seq, progress, reported)
SELECT hold_id, organisation_id, project_id, agent_id, api_key_id, model_id, "user", '', input, 4096, false, 600, false, -1,
       '{}', 0
FROM made_other;

INSERT INTO wallets_idempotencyrecord (organisation_id, scope, key, fingerprint, outcome, figures, created_at)
SELECT organisation_id, 'api', 'refused ' || n, md5(n::text), 'refused',
       '{"available": "0.000000000", "required": "1.000000000", "affordable_output_tokens": 0, "limiting_scope": "wallet"}',
       at - interval '5 seconds'
FROM made_call WHERE dice % 100 = 9 ORDER BY n;
