"""Foreign keys whose rows another index finds already have none of their own, and none has two."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0008_write_open"),
        ("cases", "0009_one_index_each"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="write",
            name="write_of_case",
        ),
        migrations.AlterField(
            model_name="run",
            name="case",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="cases.case"
            ),
        ),
        migrations.AlterField(
            model_name="write",
            name="agent",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="agents.agent",
            ),
        ),
        migrations.AlterField(
            model_name="write",
            name="operation",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents.operation"
            ),
        ),
        migrations.AlterField(
            model_name="write",
            name="proposal",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="writes",
                to="agents.proposal",
            ),
        ),
    ]
