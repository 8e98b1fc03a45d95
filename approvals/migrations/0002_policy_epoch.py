"""Publishing a rule, and confirming or withdrawing a standing approval, raise the policy's epoch as well."""

from django.db import migrations


def trigger(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION policy_changed()",
        f"DROP TRIGGER policy_changed ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial"), ("agents", "0002_policy_epoch")]

    operations = [trigger("approvals_rule"), trigger("approvals_standingapproval")]
