"""Any change of configuration raises the policy's epoch, whoever makes it and however: a trigger on each table.

Permits carry the epoch and configuration caches go by the stamp, so neither can miss a change.
"""

from django.db import migrations

TABLES = [
    "cases_company",
    "cases_calendar",
    "cases_team",
    "cases_requesttype",
    "cases_template",
    "cases_fact",
    "cases_step",
    "agents_system",
    "agents_operation",
    "agents_agent",
    "agents_grant",
    "agents_stepwork",
    "agents_factsource",
    "agents_fallbackcard",
    "agents_fallbackcard_record_in",
    "agents_fallbackstep",
    "agents_companycalls",
]

FUNCTION = """
CREATE FUNCTION policy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agents_policy SET epoch = epoch + 1, stamp = gen_random_uuid();
  RETURN NULL;
END $$;
"""


def trigger(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION policy_changed()",
        f"DROP TRIGGER policy_changed ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial"), ("cases", "0002_ledger_is_append_only")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION policy_changed()"),
        *[trigger(table) for table in TABLES],
    ]
