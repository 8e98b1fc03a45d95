"""What one decision asks of the database: no more than ux.md 5.2 allows, and the same however many wait beside it."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.company import Small

MOST = 25  # ux.md 5.2, decision post; the page around it (session, user, form) is counted with the pages


def test_a_decision_keeps_to_its_query_ceiling(company: Small) -> None:
    company.decide(company.waiting(order="A101")[1])  # the configuration is read once a process, not once a decision
    _case, approval = company.waiting()
    with CaptureQueriesContext(connection) as asked:
        company.decide(approval, fingerprint=approval.fingerprint)
    queries = [q["sql"] for q in asked if "SAVEPOINT" not in q["sql"]]
    assert len(queries) <= MOST, "\n".join(q[:200] for q in queries)
