-- An API key's project and agent belong to its organisation and to each other.
-- looks at: organisations_apikey
SELECT k.id FROM organisations_apikey k
LEFT JOIN organisations_project p ON p.id = k.project_id LEFT JOIN organisations_agent a ON a.id = k.agent_id
WHERE p.organisation_id <> k.organisation_id OR a.organisation_id <> k.organisation_id OR a.project_id <> k.project_id
