"""The index by which `/metrics` counts open writes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0007_page_of_a_record"),
        ("cases", "0006_words"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="write",
            index=models.Index(
                models.F("state"),
                condition=models.Q(("state__in", ("waiting", "held", "permitted", "reserved", "unknown"))),
                name="write_open",
            ),
        ),
    ]
