from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("wallets", "0003_grants_whole_and_budgets")]

    operations = [
        migrations.AddField(
            model_name="verificationrun",
            name="scope",
            field=models.CharField(
                choices=[("hot", "Changed lately"), ("full", "Everything")], default="full", max_length=4
            ),
        ),
        migrations.AddField(model_name="verificationrun", name="since", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="verificationrun", name="unfinished", field=models.PositiveIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="verificationrun", name="examined", field=models.PositiveBigIntegerField(default=0)
        ),
        migrations.AddIndex(
            model_name="verificationrun",
            index=models.Index(fields=["scope", "-started_at"], name="verification_latest_of_scope"),
        ),
    ]
