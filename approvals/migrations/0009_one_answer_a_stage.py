"""Which of several stages a decision answers; one of a person for each, where a rule lets them."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0008_decision_of_user"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="decision",
            name="one_decision_of_person",
        ),
        migrations.AddField(
            model_name="decision",
            name="place",
            field=models.CharField(blank=True, max_length=250),
        ),
        migrations.AlterField(
            model_name="approval",
            name="exclusive",
            field=models.BooleanField(default=True),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at", None)),
                fields=("approval", "user", "place"),
                name="one_decision_of_person",
            ),
        ),
    ]
