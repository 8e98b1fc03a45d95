"""Workers that were lost over the writes of a proposal, one after the other: after some a person has the case."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0011_what_a_pause_stopped"),
    ]

    operations = [
        migrations.AddField(
            model_name="proposal",
            name="lost",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
    ]
