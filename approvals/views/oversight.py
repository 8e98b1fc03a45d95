"""A person's own decisions: how long they took, what became of them. For nobody else, so it takes no name."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from approvals import overseeing
from cases.signed_in import signed_in


@signed_in
@require_safe
def your_decisions(request: HttpRequest) -> HttpResponse:
    """What the signed-in person decided in the last 30 days, and what it says."""
    found = overseeing.own(
        request.user,
        now=timezone.now(),
        zone=timezone.get_current_timezone(),
        only="fast" if request.GET.get("only") == "fast" else "",
        page=request.GET.get("page", "1"),
    )
    told = {"area": "approvals", "own": found, "sees_load": bool(overseeing.overseen(request.user))}
    return render(request, "approvals/your_decisions.html", told)
