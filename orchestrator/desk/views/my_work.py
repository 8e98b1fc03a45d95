"""My work, where everybody lands: the next thing to do."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from cases.signed_in import signed_in
from orchestrator.desk.selectors import queues


@signed_in
@require_safe
def my_work(request: HttpRequest) -> HttpResponse:
    """At most five things to do now, by time left, and what there is today."""
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    work = queues.my_work(request.user, now, midnight)
    return render(request, "desk/my_work.html", {"area": "work", "work": work, "now": now})
