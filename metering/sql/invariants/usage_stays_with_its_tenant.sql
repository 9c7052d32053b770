-- A call and its usage record name the same project, agent, key and model, all of one organisation.
SELECT c.hold_id FROM metering_call c
JOIN organisations_project p ON p.id = c.project_id JOIN organisations_agent a ON a.id = c.agent_id
JOIN organisations_apikey k ON k.id = c.api_key_id LEFT JOIN metering_usagerecord u ON u.hold_id = c.hold_id
WHERE NOT (c.organisation_id = ALL (ARRAY[p.organisation_id, a.organisation_id, k.organisation_id]))
   OR a.project_id <> c.project_id
   OR (u.id IS NOT NULL AND (u.organisation_id, u.project_id, u.agent_id, u.api_key_id, u.model_id)
       <> (c.organisation_id, c.project_id, c.agent_id, c.api_key_id, c.model_id))
