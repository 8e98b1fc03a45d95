"""`/metrics` for Prometheus: counts read from PostgreSQL when asked, the same from every process.

What is open is counted exactly, each out of a partial index; how much there is in all is PostgreSQL's own estimate. So
an answer costs the same however large the archive grows.
"""

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.db.models import Count, Model, Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from agents.models import Write
from agents.models.running import WRITE_OPEN
from approvals.models import Approval
from cases.models import Case

OPEN_CASES = tuple(status for status in Case.Status.values if status not in Case.CLOSED)
COUNTED: tuple[tuple[str, str, type[Model], str, Q, tuple[str, ...]], ...] = (
    ("work_command_cases", "Open cases by status", Case, "status", ~Q(status__in=Case.CLOSED), OPEN_CASES),
    ("work_command_approvals", "Open approvals by state", Approval, "state", Q(state="waiting"), ("waiting",)),
    ("work_command_writes", "Open writes by state", Write, "state", Q(state__in=WRITE_OPEN), WRITE_OPEN),
)
_ROWS = "SELECT relname, greatest(reltuples, 0) FROM pg_class WHERE oid = ANY (%s::regclass[])"


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The counts, for whoever brings METRICS_TOKEN; everybody else learns nothing (404)."""
    shown = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    if not settings.METRICS_TOKEN or not secrets.compare_digest(shown.encode(), wanted.encode()):
        return HttpResponseNotFound()
    registry = CollectorRegistry()
    registry.register(FromDatabase())
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


class FromDatabase(Collector):
    """Reads the counts anew for each answer."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, words, model, column, is_open, values in COUNTED:
            family = GaugeMetricFamily(name, words, labels=[column])
            rows = model._default_manager.filter(is_open).values_list(column).annotate(n=Count("*")).order_by()
            counts = dict(rows)
            for value in values:
                family.add_metric([value], counts.get(value, 0))
            yield family
        yield self._estimates()
        due = Case.objects.filter(wake_at__lte=Now()).count()
        yield GaugeMetricFamily("work_command_cases_due", "Cases that could move and wait for a worker", value=due)

    def _estimates(self) -> GaugeMetricFamily:
        """How many rows each table has in all, as PostgreSQL last estimated it; 0 before it ever looked."""
        words = "Rows in all, as PostgreSQL estimates them"
        family = GaugeMetricFamily("work_command_rows", words, labels=["table"])
        tables = [counted[2]._meta.db_table for counted in COUNTED]
        with connection.cursor() as cursor:
            cursor.execute(_ROWS, [tables])
            for table, rows in sorted(cursor.fetchall()):
                family.add_metric([table], rows)
        return family
