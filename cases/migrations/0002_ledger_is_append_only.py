"""The database itself keeps the ledger append-only, whoever is connected; case numbers start at C-1001."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Only the owner's erasing function sets this, and only for details: the chain itself is never touched.
  IF TG_TABLE_NAME = 'cases_eventdetail' AND TG_OP = 'DELETE'
     AND current_setting('work_command.erasing', true) = 'on'
     AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'The ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON cases_event
  FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER eventdetail_append_only BEFORE UPDATE OR DELETE ON cases_eventdetail
  FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER anchor_append_only BEFORE UPDATE OR DELETE ON cases_anchor
  FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON cases_event
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER eventdetail_no_truncate BEFORE TRUNCATE ON cases_eventdetail
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER anchor_no_truncate BEFORE TRUNCATE ON cases_anchor
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

ALTER TABLE cases_case ALTER COLUMN id RESTART WITH 1001;
"""

BACKWARD = """
DROP TRIGGER event_append_only ON cases_event;
DROP TRIGGER eventdetail_append_only ON cases_eventdetail;
DROP TRIGGER anchor_append_only ON cases_anchor;
DROP TRIGGER event_no_truncate ON cases_event;
DROP TRIGGER eventdetail_no_truncate ON cases_eventdetail;
DROP TRIGGER anchor_no_truncate ON cases_anchor;
DROP FUNCTION ledger_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
