from django.db import migrations

# Budgets that are made from now on count the calls of their period from its beginning: those that are there already
# are told what they were booked on. Under FORCE the owner, too, sees rows only with a scope.
FILL = """
SELECT set_config('app.platform', 'write', true);
UPDATE wallets_hold h SET subjects = ARRAY['organisation:', 'project:' || c.project_id, 'agent:' || c.agent_id,
    'key:' || c.api_key_id] || CASE WHEN c."user" <> '' THEN ARRAY['member:' || c."user"] ELSE '{}' END
    || CASE WHEN c.run <> '' THEN ARRAY['run:' || c.run] ELSE '{}' END
  FROM metering_call c WHERE c.hold_id = h.id;
"""


class Migration(migrations.Migration):
    dependencies = [("metering", "0005_finished_usage"), ("wallets", "0003_grants_whole_and_budgets")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
