"""Operations say what their approval shows beside its writes, and which arguments are masked there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0003_written_is_final"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicaloperation",
            name="masked",
            field=models.JSONField(blank=True, default=list, verbose_name="masked arguments"),
        ),
        migrations.AddField(
            model_name="historicaloperation",
            name="shows",
            field=models.JSONField(blank=True, default=dict, verbose_name="what its approval shows"),
        ),
        migrations.AddField(
            model_name="operation",
            name="masked",
            field=models.JSONField(blank=True, default=list, verbose_name="masked arguments"),
        ),
        migrations.AddField(
            model_name="operation",
            name="shows",
            field=models.JSONField(blank=True, default=dict, verbose_name="what its approval shows"),
        ),
    ]
