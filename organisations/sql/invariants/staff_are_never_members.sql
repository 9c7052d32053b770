-- Platform staff are never members of an organisation.
-- looks at: organisations_member
SELECT m.id, m.organisation_id, u.email FROM organisations_member m JOIN organisations_user u ON u.id = m.user_id
WHERE u.platform_role <> ''
