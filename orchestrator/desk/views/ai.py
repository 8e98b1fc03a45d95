"""AI status, pause and resume. Team leads may pause; an admin or who paused may resume. Never by itself."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from agents import services
from agents.models import Switch
from cases.actors import person
from cases.errors import Incorrect
from cases.signed_in import signed_in
from orchestrator.desk import services as desk_services
from orchestrator.desk.selectors.shell import shell_of
from orchestrator.desk.selectors.stops import ai_status


@signed_in
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """What is on, what is paused by whom, and what a pause would meet now."""
    labels = {
        "all": _("All AI"),
        "agent": _("One agent"),
        "type": _("One request type"),
        "system": _("One system"),
    }
    found = ai_status(labels)
    leads = shell_of(request.user).leads or request.user.is_superuser
    return render(request, "desk/ai.html", {"area": "ai", "status": found, "may_pause": leads})


@signed_in
@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    """Stop agents' calls and the writes of their proposals."""
    scope, name = _what(request)
    services.pause(
        actor=person(request.user),
        scope=scope,
        name=name,
        reason=request.POST.get("reason", "").strip()[:300],
    )
    messages.success(request, _("Paused. Held writes are kept and not sent; people go on working."))
    return redirect("desk:ai")


@signed_in
@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """Let the AI go on."""
    scope, name = _what(request)
    desk_services.resume_ai(
        actor=person(request.user),
        scope=scope,
        name=name,
        reason=request.POST.get("reason", "").strip()[:300],
    )
    messages.success(request, _("Resumed. Waiting approvals get the lost time back."))
    return redirect("desk:ai")


def _what(request: HttpRequest) -> tuple[str, str]:
    scope, _colon, name = request.POST.get("what", "").partition(":")
    if scope not in Switch.Scope.values:
        raise Incorrect(_("Choose what to pause. Nothing was changed."))
    return scope, name
