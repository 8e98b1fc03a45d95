"""`/metrics` for Prometheus: counts read from PostgreSQL when asked, the same from every process."""

import secrets
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Model
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from agents.models import Write
from approvals.models import Approval
from cases.models import Case

COUNTED: tuple[tuple[str, str, type[Model], str], ...] = (
    ("work_command_cases", "Cases by status", Case, "status"),
    ("work_command_approvals", "Approvals by state", Approval, "state"),
    ("work_command_writes", "Writes by state", Write, "state"),
)


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
        for name, words, model, column in COUNTED:
            family = GaugeMetricFamily(name, words, labels=[column])
            for value, count in model._default_manager.values_list(column).annotate(Count("pk")).order_by():
                family.add_metric([value], count)
            yield family
        due = Case.objects.filter(wake_at__lte=Now()).count()
        yield GaugeMetricFamily("work_command_cases_due", "Cases that could move and wait for a worker", value=due)
