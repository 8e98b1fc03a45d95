"""How records of the map were written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="MapRecord",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("what", models.CharField(max_length=20)),
                ("name", models.CharField(max_length=260)),
                ("position", models.PositiveIntegerField()),
                ("said", models.TextField()),
            ],
            options={
                "ordering": ["position"],
                "constraints": [models.UniqueConstraint(fields=("what", "name"), name="map_record_once")],
            },
        ),
    ]
