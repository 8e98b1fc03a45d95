"""Of the writes of one operation and record, one is under way at a time: the index that finds it holds it too."""

from typing import Any

from django.db import migrations, models


def no_record_has_two(apps: Any, _editor: Any) -> None:
    """The index would be refused in the words of the database; a person has to look at these."""
    open_ = apps.get_model("agents", "Write").objects.filter(state__in=["reserved", "unknown"])
    twice = open_.values("subject").annotate(n=models.Count("pk")).filter(n__gt=1).order_by("subject")
    if names := [row["subject"] for row in twice[:20]]:
        raise RuntimeError(
            "More than one write of these records is under way or has an unknown outcome: "
            f"{', '.join(names)}. Settle them under Cases, Records to repair, then migrate again. Nothing was changed."
        )


class Migration(migrations.Migration):
    dependencies = [("agents", "0005_write_held")]

    operations = [
        migrations.RunPython(no_record_has_two, migrations.RunPython.noop),
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
