"""Users, tenants, members, projects, agents, API keys, the audit trail: who may see and do what."""
