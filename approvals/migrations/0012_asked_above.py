"""Whether another team than the one that works the type was asked is kept with the ask."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("approvals", "0011_one_index_each")]

    operations = [
        migrations.AddField(model_name="asked", name="above", field=models.BooleanField(default=False)),
    ]
