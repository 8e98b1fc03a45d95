"""An account that is switched off, or on again, raises the policy's epoch: what its person pre-approved is judged anew.

Of one that is deleted the standing approvals lose their person: that is a change of theirs, which has its trigger.
"""

from django.conf import settings
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0013_asked_above_until_now"),
        ("agents", "0002_policy_epoch"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER policy_changed AFTER UPDATE OF is_active ON auth_user FOR EACH ROW "
            "WHEN (OLD.is_active IS DISTINCT FROM NEW.is_active) EXECUTE FUNCTION policy_changed()",
            "DROP TRIGGER policy_changed ON auth_user",
        )
    ]
