"""A message's number in another system belongs to the token that named it, as a request's does."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0011_index_what_is_there")]

    operations = [migrations.AddField("message", "token_id", models.BigIntegerField(null=True))]
