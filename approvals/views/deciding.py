"""Pages of approvals. Thin: load what the person may see, one service call, a redirect or a page."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents.selectors import agent_titles
from approvals import forms, grounds, held, presence, receipts, selectors, services, sheet
from approvals.errors import AlreadyDecided, Changed, HigherNeeded
from approvals.forms import DecisionForm, Problem
from approvals.models import Approval
from cases import timeline
from cases.actors import person
from cases.errors import ReasonRequired
from cases.models.config import Risk
from cases.signed_in import signed_in

DEFAULT_HOLD = 30  # seconds, when no company row exists yet


@signed_in
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Approvals waiting for this person, or decided by them."""
    asked = request.GET
    wanted = selectors.InboxFilter(
        tab=tab if (tab := asked.get("tab", "")) in ("watching", "snoozed", "decided") else "waiting",
        type=asked.get("type", ""),
        risk=asked.get("risk", ""),
        q=asked.get("q", "").strip()[:100],
        cover=asked.get("cover", "")[:150],
        page=asked.get("page", "1"),
    )
    found = selectors.inbox(request.user, wanted, timezone.now(), timezone.get_current_timezone())
    return render(
        request,
        "approvals/inbox.html",
        {
            "area": "approvals",
            "inbox": found,
            "wanted": wanted,
            "risks": Risk.choices,
            "heads": {
                "overdue": _("Overdue"),
                "hour": _("Within the hour"),
                "today": _("Today"),
                "later": _("Later"),
                "decided": _("Decided by me"),
                "watching": _("Watching"),
            },
        },
    )


@signed_in
@require_safe
def news(request: HttpRequest) -> HttpResponse:
    """What is new since the list was drawn: 204 if nothing, so that nothing moves under the pointer."""
    count, stamp = selectors.waiting_stamp(request.user)
    if stamp == request.GET.get("stamp", ""):
        return HttpResponse(status=204)
    return render(request, "approvals/_news.html", {"count": count, "stamp": stamp})


@signed_in
@require_safe
def approval(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """One approval: what will happen, how much, to whom, why this person, and what cannot be undone."""
    found = _approval(request, approval_id)
    form = forms.empty()
    if found.risk == "low":
        form.option = found.proposal.suggested
    return _page(request, found, form)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Record a decision. High risk and changed arguments are shown once more before that."""
    found = _approval(request, approval_id)
    if request.method != "POST":
        return redirect("approvals:approval", found.pk)
    form = forms.posted(request.POST, found, _options(request, found))
    if "back" in request.POST:
        form.problems.clear()
        return _page(request, found, form)
    if form.problems:
        return _page(request, found, form, status=422)
    if sheet.needs_check(found.risk, form.edits):
        seal = sheet.seal(form.fingerprint, form.option, form.edits)
        if form.seal != seal:
            form.seal = seal
            return _page(request, found, form, template="approvals/check.html")
    return _decided(request, found, form)


def _decided(request: HttpRequest, found: Approval, form: DecisionForm) -> HttpResponse:
    try:
        after = services.decide(
            actor=person(request.user),
            approval_id=found.pk,
            fingerprint=form.fingerprint,
            option=form.option,
            edits=form.edits or None,
            reason=form.reason,
            nonce=form.nonce,
        )
    except ReasonRequired as refusal:
        form.problems.append(Problem("reason", refusal.message))
        return _page(request, found, form, status=422)
    except HigherNeeded as refusal:
        form.problems.append(Problem("reason", refusal.message))
        return _page(request, _approval(request, found.pk), _again(form), status=409)
    except Changed as refusal:
        fresh = _approval(request, found.pk)
        return _page(request, fresh, _again(form), status=409, changed=refusal)
    except AlreadyDecided as refusal:
        fresh = _approval(request, found.pk)
        return _page(request, fresh, form, status=409, late=refusal)
    held.remember(request.user)
    if after.hold_until is None or after.hold_until <= timezone.now():
        messages.success(request, _("Recorded: %(option)s.") % {"option": _title(request, after, form.option)})
    return redirect("approvals:inbox")


@signed_in
@require_POST
def undo(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Take a decision back while its hold lasts; the approval waits again."""
    found = _approval(request, approval_id)
    services.undo(actor=person(request.user), approval_id=found.pk)
    messages.success(request, _("Undone. Nothing was written, and this waits for a decision again."))
    return redirect("approvals:approval", found.pk)


@signed_in
@require_safe
def standing(request: HttpRequest) -> HttpResponse:
    """What named managers pre-approved, and what waits for their word."""
    rows = selectors.standing_approvals(request.user)
    return render(request, "approvals/standing.html", {"area": "approvals", "rows": rows})


@signed_in
@require_POST
def confirm_standing(request: HttpRequest, standing_id: int) -> HttpResponse:
    """The named person puts a standing approval in force."""
    services.confirm_standing(actor=person(request.user), standing_id=standing_id)
    messages.success(request, _("In force now. It is recorded as your decision."))
    return redirect("approvals:standing")


@signed_in
@require_POST
def withdraw_standing(request: HttpRequest, standing_id: int) -> HttpResponse:
    """End a standing approval; what it covered is asked again from now on."""
    reason = request.POST.get("reason", "").strip()[:300]
    services.withdraw_standing(actor=person(request.user), standing_id=standing_id, reason=reason)
    messages.success(request, _("Withdrawn. From now on a person is asked each time."))
    return redirect("approvals:standing")


def _approval(request: HttpRequest, approval_id: uuid.UUID) -> Approval:
    found = selectors.approval_of(request.user, approval_id)
    if found is None:
        raise Http404
    return found


def _again(form: DecisionForm) -> DecisionForm:
    """The same answer on a new form: what is sent next belongs to what is shown now."""
    form.nonce, form.seal, form.fingerprint = forms.new_nonce(), "", ""
    return form


def _language() -> str:
    return translation.get_language() or "en"


def _options(
    request: HttpRequest,
    found: Approval,
    page: selectors.Detail | None = None,
    form: DecisionForm | None = None,
) -> list[sheet.Option]:
    company = page.company if page else None
    own = getattr(getattr(request.user, "person", None), "hold_seconds", 0) if page else 0
    hold = max(company.hold_seconds if company else DEFAULT_HOLD, own)
    writes = page.writes if page else list(found.proposal.writes.select_related("operation__system"))
    return sheet.options_of(
        found.proposal,
        writes,
        language=_language(),
        hold=hold,
        currency=company.currency if company else "HKD",
        chosen=form.option if form else "",
        edits=form.edits if form else None,
    )


def _title(request: HttpRequest, found: Approval, option: str) -> str:
    return next((o.title for o in _options(request, found) if o.name == option), option)


def _page(
    request: HttpRequest,
    found: Approval,
    form: DecisionForm,
    *,
    status: int = 200,
    template: str = "approvals/approval.html",
    **more: Any,
) -> HttpResponse:
    page = selectors.detail(request.user, found)
    page.lookers = presence.look(request.user, found, timezone.now()) if found.state == "waiting" else []
    page.reversible = {write.pk for write in page.writes if receipts.can_be_reversed(write, timezone.now())}
    page.may_undo = bool(page.mine and found.hold_until and found.hold_until > timezone.now())
    options = _options(request, found, page, form)
    language = _language()
    context = {
        "area": "approvals",
        "approval": found,
        "case": found.case,
        "proposal": found.proposal,
        "page": page,
        "options": options,
        "chosen": next((o for o in options if o.chosen), None),
        "form": form,
        "chips": forms.chips(found, language),
        "rules": grounds.rules_of(found.proposal, language, page.fact_titles, page.amounts, page.currency),
        "evidence": grounds.evidence_of(found.proposal, language, timezone.now(), page.currency),
        "history": timeline.lines(page.history, timezone.get_current_timezone(), agent_titles()),
        "raw": grounds.raw_of(found.proposal, page.writes),
        **more,
    }
    return render(request, template, context, status=status)
