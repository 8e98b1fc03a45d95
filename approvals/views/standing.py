"""The page of standing approvals: what is in force, how much of it is used, and one button for each move."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from approvals import selectors
from approvals import standing as services
from approvals.errors import StepUpNeeded
from approvals.views import proving
from cases.actors import person
from cases.clock import database_now
from cases.errors import Incorrect
from cases.models import Company
from cases.signed_in import signed_in


@signed_in
@require_safe
def standing(request: HttpRequest) -> HttpResponse:
    """What named managers pre-approved, and what waits for their word."""
    rows = selectors.standing_approvals(request.user, database_now(), timezone.get_current_timezone())
    currency = Company.objects.values_list("currency", flat=True).first() or "HKD"
    return render(request, "approvals/standing.html", {"area": "approvals", "rows": rows, "currency": currency})


@signed_in
@require_POST
def confirm_standing(request: HttpRequest, standing_id: int) -> HttpResponse:
    """The named person puts a standing approval in force, in the version that the page showed."""
    move = partial(services.confirm_standing, standing_id=standing_id, version=_version(request))
    asked = _with_proof(request, move, _("Confirm this in my name"))
    if asked is not None:
        return asked
    messages.success(request, _("In force now. It is recorded as your decision."))
    return redirect("approvals:standing")


def _version(request: HttpRequest) -> int:
    version = request.POST.get("version", "")
    if not version.isascii() or not version.isdecimal() or len(version) > 9:
        words = _("The version of the rule that you read is missing. Open the page again; nothing was confirmed.")
        raise Incorrect(words, fields={"version": []})
    return int(version)


def _with_proof(request: HttpRequest, move: Callable[..., Any], words: str) -> HttpResponse | None:
    """Make the move; where a second factor is missing or wrong, the page that asks for it. `words`: of its button."""
    wrong = proving.take(request)
    try:
        if not wrong:
            move(actor=person(request.user), proof=proving.proof_of(request))
            return None
    except StepUpNeeded:
        pass
    return proving.ask(request, title=_("Standing approvals"), words=words, wrong=wrong)


@signed_in
@require_POST
def pause_standing(request: HttpRequest, standing_id: int) -> HttpResponse:
    """One click: from now on a person is asked each time, until it goes on."""
    services.pause_standing(actor=person(request.user), standing_id=standing_id)
    messages.success(request, _("Paused. From now on a person is asked each time."))
    return redirect("approvals:standing")


@signed_in
@require_POST
def resume_standing(request: HttpRequest, standing_id: int) -> HttpResponse:
    """The named person lets it go on."""
    move = partial(services.resume_standing, standing_id=standing_id)
    asked = _with_proof(request, move, _("Let it go on"))
    if asked is not None:
        return asked
    messages.success(request, _("In force again."))
    return redirect("approvals:standing")


@signed_in
@require_POST
def withdraw_standing(request: HttpRequest, standing_id: int) -> HttpResponse:
    """One click ends a standing approval; a reason may be said. What it covered is asked again from now on."""
    reason = request.POST.get("reason", "").strip()[:300] or _("Withdrawn without a reason.")
    services.withdraw_standing(actor=person(request.user), standing_id=standing_id, reason=reason)
    messages.success(request, _("Withdrawn. From now on a person is asked each time."))
    return redirect("approvals:standing")
