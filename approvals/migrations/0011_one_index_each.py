"""Foreign keys whose rows another index finds already have none of their own, and none has two."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0010_one_answer_as_before"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="approval",
            name="approval_of_case",
        ),
        migrations.AlterField(
            model_name="asked",
            name="approval",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="asked",
                to="approvals.approval",
            ),
        ),
    ]
