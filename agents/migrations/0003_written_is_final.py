"""What was written stays as it was decided and sent, whoever is connected: the database refuses another story."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION written_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A write that was carried out is not changed: % on % is refused', TG_OP, OLD.id
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER written_is_final BEFORE UPDATE ON agents_write FOR EACH ROW
  WHEN (OLD.state = 'written' AND (OLD.id, OLD.case_id, OLD.operation_id, OLD.state, OLD.proposed, OLD.decided,
                                   OLD.carried_out, OLD.permit_fingerprint, OLD.permit_source)
        IS DISTINCT FROM (NEW.id, NEW.case_id, NEW.operation_id, NEW.state, NEW.proposed, NEW.decided,
                          NEW.carried_out, NEW.permit_fingerprint, NEW.permit_source))
  EXECUTE FUNCTION written_is_final();
CREATE TRIGGER written_is_kept BEFORE DELETE ON agents_write FOR EACH ROW
  WHEN (OLD.state = 'written') EXECUTE FUNCTION written_is_final();
"""

BACKWARD = """
DROP TRIGGER written_is_final ON agents_write;
DROP TRIGGER written_is_kept ON agents_write;
DROP FUNCTION written_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_policy_epoch")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
