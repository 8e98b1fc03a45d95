"""The index by which reversals are found: of one write, and the later ones of all."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0009_one_index_each"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(models.Q(("external_id", ""), _negated=True), ("token_id__isnull", True)),
                fields=["external_id", "created_at"],
                name="case_external_id_of_person",
            ),
        ),
    ]
