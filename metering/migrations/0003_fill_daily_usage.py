from django.db import migrations

# Under FORCE the owner, too, sees rows only with a scope.
FILL = """
SELECT set_config('app.platform', 'write', true);
INSERT INTO metering_dailyusage (organisation_id, local_day, project_id, agent_id, model_id, "user", requests, estimated,
  input_tokens, cached_tokens, output_tokens, list_cost, cost, charge, absorbed)
SELECT organisation_id, local_day, project_id, agent_id, model_id, "user", count(*) FILTER (WHERE revision = 0),
  count(*) FILTER (WHERE estimated AND revision = 0), sum(input_tokens), sum(cached_tokens), sum(output_tokens),
  sum(list_cost), sum(cost), sum(charge), sum(absorbed)
FROM metering_usagerecord GROUP BY 1, 2, 3, 4, 5, 6;
"""


class Migration(migrations.Migration):
    dependencies = [("metering", "0002_daily_usage")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
