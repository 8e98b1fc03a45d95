"""Until now nobody could answer an approval twice, whatever its rule said: those that are there keep it so."""

from django.db import migrations

FORWARD = "UPDATE approvals_approval SET exclusive = true WHERE NOT exclusive"


class Migration(migrations.Migration):
    dependencies = [("approvals", "0009_one_answer_a_stage")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
