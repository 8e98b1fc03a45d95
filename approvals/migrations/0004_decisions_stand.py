"""A decision stays with who made it: its account may be forgotten, never replaced by another."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION decision_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A decision stays with who made it: % on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER decision_stands BEFORE UPDATE ON approvals_decision FOR EACH ROW
  WHEN ((NEW.user_id IS NOT NULL AND OLD.user_id IS DISTINCT FROM NEW.user_id)
        OR (NEW.covering_id IS NOT NULL AND OLD.covering_id IS DISTINCT FROM NEW.covering_id)
        OR (OLD.undone_at IS NOT NULL AND OLD.undone_at IS DISTINCT FROM NEW.undone_at)
        OR (OLD.approval_id, OLD.label, OLD.team, OLD.option, OLD.edits, OLD.reason, OLD.fingerprint, OLD.at)
           IS DISTINCT FROM
           (NEW.approval_id, NEW.label, NEW.team, NEW.option, NEW.edits, NEW.reason, NEW.fingerprint, NEW.at))
  EXECUTE FUNCTION decision_stands();
"""

BACKWARD = """
DROP TRIGGER decision_stands ON approvals_decision;
DROP FUNCTION decision_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0003_deciding_together")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
