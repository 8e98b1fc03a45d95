"""What was asked until now is above as far as can be told: by who works the type today."""

from django.db import migrations

FORWARD = """UPDATE approvals_asked a SET above = true
FROM approvals_approval p JOIN cases_case c ON c.id = p.case_id JOIN cases_requesttype t ON t.id = c.type_id
WHERE p.id = a.approval_id AND a.team_id <> t.team_id"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0012_asked_above"), ("cases", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
