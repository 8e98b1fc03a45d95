"""Of the writes of one operation and record, one is under way at a time: the index that finds it holds it too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0005_write_held")]

    operations = [
        migrations.RemoveIndex(model_name="write", name="write_in_flight"),
        migrations.AddConstraint(
            model_name="write",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["reserved", "unknown"])),
                fields=("subject",),
                name="one_write_under_way",
            ),
        ),
    ]
