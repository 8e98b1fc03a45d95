"""Whether a case went above is kept with its asks now: every line is worked out anew, from the first case on."""

from django.db import migrations

FORWARD = "UPDATE reports_rollup SET at = NULL, reached = 0, began = statement_timestamp()"


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_roll_ups"), ("approvals", "0013_asked_above_until_now")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
