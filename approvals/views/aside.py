"""What one can do beside deciding: ask, pass on, add an approver, put aside, watch, answer. One page of forms."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from approvals import attention, passing, questions, selectors
from cases.actors import person
from cases.errors import Incorrect, Refusal, WrongState
from cases.signed_in import signed_in


@signed_in
@require_safe
def aside(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """The forms, as far as this person may use them."""
    return _page(request, approval_id)


@signed_in
@require_POST
def pass_on(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Give it to somebody else who could be asked; it leaves one's own list."""
    try:
        passing.pass_on(
            actor=person(request.user),
            approval_id=approval_id,
            user_id=_number(request.POST.get("user", "")),
            reason=request.POST.get("reason", ""),
        )
    except Incorrect as refusal:
        return refused(request, approval_id, "pass", refusal)
    messages.success(request, _("Passed on. It is not in your list any more until something changes."))
    return redirect("approvals:inbox")


@signed_in
@require_POST
def add_approver(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """One more person must agree."""
    try:
        passing.add_approver(
            actor=person(request.user),
            approval_id=approval_id,
            user_id=_number(request.POST.get("user", "")),
            reason=request.POST.get("reason", ""),
        )
    except (Incorrect, WrongState) as refusal:
        return refused(request, approval_id, "add", refusal)
    messages.success(request, _("Added. They must agree as well."))
    return redirect("approvals:approval", approval_id)


@signed_in
@require_POST
def snooze(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Put it aside until a time, or until something changes."""
    text = request.POST.get("until", "").strip()
    try:
        attention.snooze(actor=person(request.user), approval_id=approval_id, until=_moment(text))
    except Incorrect as refusal:
        return refused(request, approval_id, "snooze", refusal, until=text)
    messages.success(request, _("Put aside. It comes back by itself."))
    return redirect("approvals:inbox")


@signed_in
@require_POST
def wake(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Take back what was put aside."""
    attention.wake(actor=person(request.user), approval_id=approval_id)
    return redirect("approvals:approval", approval_id)


@signed_in
@require_POST
def watch(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Keep it in the list Watching, or take it out."""
    on = request.POST.get("on") == "1"
    attention.watch(actor=person(request.user), approval_id=approval_id, on=on)
    messages.success(request, _("You watch this now.") if on else _("You watch this no longer."))
    return redirect("approvals:approval", approval_id)


@signed_in
@require_POST
def answer(request: HttpRequest, approval_id: uuid.UUID, question_id: int) -> HttpResponse:
    """Answer a question that one was asked."""
    text = request.POST.get("text", "").strip().replace("\r\n", "\n")
    try:
        questions.answer(actor=person(request.user), approval_id=approval_id, question_id=question_id, text=text)
    except Incorrect as refusal:
        return refused(request, approval_id, f"answer-{question_id}", refusal, text=text)
    messages.success(request, _("Answered. Who asked sees it now."))
    return redirect("approvals:approval", approval_id)


def refused(request: HttpRequest, approval_id: uuid.UUID, at: str, refusal: Refusal, **kept: str) -> HttpResponse:
    """The page again with what was wrong, and the entry kept."""
    return _page(request, approval_id, at=at, refusal=refusal, kept=kept, status=refusal.http_status)


def _page(
    request: HttpRequest,
    approval_id: uuid.UUID,
    *,
    at: str = "",
    refusal: Refusal | None = None,
    kept: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    found = selectors.approval_of(request.user, approval_id)
    if found is None:
        raise Http404
    page = selectors.aside(request.user, found)
    context: dict[str, Any] = {
        "area": "approvals",
        "approval": found,
        "case": found.case,
        "page": page,
        "could": passing.could_be_asked(found, leave_out=int(request.user.pk or 0)) if page.turn else [],
        "at": at,
        "refusal": refusal,
        "kept": kept or {},
    }
    return render(request, "approvals/aside.html", context, status=status)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _moment(text: str) -> datetime | None:
    """A time as a browser sends it, in the company's zone; None for nothing. Raises `Incorrect`."""
    if not text:
        return None
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise Incorrect(_("Write a date and a time."), fields={"until": []})
    return at if timezone.is_aware(at) else timezone.make_aware(at)
