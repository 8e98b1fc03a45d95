"""Every index is paid for with every write of its table, so none repeats another."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

REPEATED = """
SELECT one.indrelid::regclass::text, one.indexrelid::regclass::text, other.indexrelid::regclass::text
FROM pg_index one JOIN pg_index other ON one.indrelid = other.indrelid AND one.indexrelid <> other.indexrelid
JOIN pg_class c ON c.oid = one.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT one.indisunique
    AND one.indpred IS NULL AND other.indpred IS NULL AND one.indexprs IS NULL AND other.indexprs IS NULL
    AND one.indclass[0] = other.indclass[0]
    AND (other.indkey::int2[])[0:one.indnkeyatts - 1] = (one.indkey::int2[])[0:one.indnkeyatts - 1]
"""

OF_EVERY_CASE = {
    *("cases_case", "cases_message", "cases_event", "cases_eventdetail", "cases_casesight", "cases_casewords"),
    *("agents_run", "agents_proposal", "agents_write"),
    *("approvals_approval", "approvals_asked", "approvals_decision"),
}


def test_no_index_of_what_every_case_writes_begins_as_another_does() -> None:
    with connection.cursor() as cursor:
        cursor.execute(REPEATED)
        repeated = [(index, other) for table, index, other in cursor.fetchall() if table in OF_EVERY_CASE]
    assert repeated == []
