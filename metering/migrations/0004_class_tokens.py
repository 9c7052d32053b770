from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metering", "0003_fill_daily_usage")]

    operations = [
        migrations.AddField(
            model_name="usagerecord",
            name="class_tokens",
            field=models.BigIntegerField(null=True),
        ),
    ]
