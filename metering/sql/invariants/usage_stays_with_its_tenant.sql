-- A call and its usage record name the same project, agent, key and model, all of one organisation.
-- looks at: metering_changed_usage(%(since)s), wallets_changed_holds(%(since)s)
SELECT 'call' AS what, c.hold_id AS id FROM wallets_changed_holds(%(since)s) h JOIN metering_call c ON c.hold_id = h.id
JOIN organisations_project p ON p.id = c.project_id JOIN organisations_agent a ON a.id = c.agent_id
JOIN organisations_apikey k ON k.id = c.api_key_id
WHERE NOT (c.organisation_id = ALL (ARRAY[p.organisation_id, a.organisation_id, k.organisation_id])) OR a.project_id <> c.project_id
UNION ALL
SELECT 'usage', u.id FROM metering_changed_usage(%(since)s) u
JOIN organisations_project p ON p.id = u.project_id JOIN organisations_agent a ON a.id = u.agent_id
JOIN organisations_apikey k ON k.id = u.api_key_id
WHERE NOT (u.organisation_id = ALL (ARRAY[p.organisation_id, a.organisation_id, k.organisation_id])) OR a.project_id <> u.project_id
UNION ALL
SELECT 'usage of a call', u.id FROM metering_changed_usage(%(since)s) u JOIN metering_call c ON c.hold_id = u.hold_id
WHERE (u.organisation_id, u.project_id, u.agent_id, u.api_key_id, u.model_id)
      <> (c.organisation_id, c.project_id, c.agent_id, c.api_key_id, c.model_id)
