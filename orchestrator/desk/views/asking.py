"""Ask somebody before deciding, and reverse what was decided. On the roof, because both send through the flow."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from approvals.views.aside import refused
from cases.actors import person
from cases.errors import Incorrect
from cases.signed_in import signed_in
from orchestrator.desk import reversals, services


@signed_in
@require_POST
def ask(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """The approval stays pending; the question goes out, the answer wakes it."""
    text = request.POST.get("text", "").strip().replace("\r\n", "\n")
    try:
        services.ask(actor=person(request.user), approval_id=approval_id, to=request.POST.get("to", ""), text=text)
    except Incorrect as refusal:
        return refused(request, approval_id, "ask", refusal, text=text)
    messages.success(request, _("Asked. This waits for you, and you see here when there is an answer."))
    return redirect("approvals:approval", approval_id)


@signed_in
@require_POST
def reverse(request: HttpRequest, write_id: uuid.UUID) -> HttpResponse:
    """Start a reversal: a case of its own, which this person has."""
    reason = request.POST.get("reason", "").strip()
    started = reversals.start_reversal(actor=person(request.user), write_id=write_id, reason=reason)
    if started.status in ("done", "held", "permitted", "waiting"):
        words = _("Case %(number)s reverses it. It goes by the same rules as any other write.")
        messages.success(request, words % {"number": started.case.number})
    else:
        words = _("Case %(number)s is open for the reversal, and you have it: %(why)s")
        messages.warning(request, words % {"number": started.case.number, "why": started.refused or started.status})
    return redirect("desk:by-hand", started.case.pk)
