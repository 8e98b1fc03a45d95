"""The page of one approval and what is pressed there. Thin: load what the person may see, one service call, a page."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents.selectors import agent_titles
from approvals import (
    choosing_first,
    first_answer,
    forms,
    grounds,
    held,
    hiding,
    looking_again,
    masking,
    precedents,
    presence,
    reading,
    receipts,
    reshown,
    selectors,
    services,
    sheet,
    showing,
    starting,
    ticking,
)
from approvals.errors import AlreadyDecided, Changed, HigherNeeded, StepUpNeeded
from approvals.forms import DecisionForm, Problem
from approvals.models import Approval
from approvals.views import proving
from cases import timeline
from cases.actors import person
from cases.errors import ReasonRequired
from cases.signed_in import signed_in
from cases.texts import say

CHECK = "approvals/check.html"
DEFAULT_HOLD = 30  # seconds, when no company row exists yet
OPENED = "approvals_opened"  # in the session: masked arguments that were opened, and until when that shows
OPEN_SECONDS = 15 * 60


@signed_in
@require_safe
def approval(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """One approval: what will happen, how much, to whom, why this person, and what cannot be undone."""
    found = _approval(request, approval_id)
    form = forms.empty()
    if found.risk == "low" and (found.first_answer is None or found.first_answer.option == found.proposal.suggested):
        form.option = found.proposal.suggested
    return _page(request, found, form)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Record a decision. High risk and changed arguments are shown once more before that."""
    found = _approval(request, approval_id)
    if request.method != "POST":
        return redirect("approvals:approval", found.pk)
    first = choosing_first.chooses_first(found)
    options = sheet.offered(_options(request, found))
    form = forms.posted(request.POST, found, options, unseen=first)
    if _sent_twice(request, found, form):
        return _decided(request, found, form)
    if found.first_answer and form.fingerprint != first_answer.to_name(found, found.first_answer):
        form.problems.clear()
        return _changed(request, found, form, Changed())
    if "back" in request.POST:
        form.problems.clear()
        return _page(request, found, form)
    if form.problems:
        return _page(request, found, form, status=422)
    if sheet.needs_check(found.risk, form.edits, next((one for one in options if one.name == form.option), None)):
        seal = sheet.seal(form.fingerprint, form.option, form.edits)
        if form.seal != seal:
            if not _was_read(request, found, form):
                return _changed(request, found, form, Changed())
            form.seal = seal
            higher = services.foresee(
                actor=person(request.user), approval_id=found.pk, option=form.option, edits=form.edits
            )
            return _page(request, found, form, template=CHECK, higher=higher)
    if first and not form.reason and sheet.differs(found.proposal, form.option):  # now that it was shown
        form.problems.append(forms.no_reason())
        return _page(request, found, form, status=422, template=CHECK)
    wrong = proving.take(request)
    return _prove(request, found, form, wrong) if wrong else _decided(request, found, form)


def _prove(request: HttpRequest, found: Approval, form: DecisionForm, wrong: list[str]) -> HttpResponse:
    """The answer is whole and needs a second factor: nothing of it is asked again."""
    options = _options(request, found, form=form)
    words = next((option.words for option in options if option.chosen), "")
    noted = reading.stopped(form.noted, request.user.pk, found.pk, at=timezone.now().timestamp())
    return proving.ask(request, title=found.title, words=words, wrong=wrong, back=True, noted=noted)


def _sent_twice(request: HttpRequest, found: Approval, form: DecisionForm) -> bool:
    """Whether this very form is the first answer: what it fixed is not held against it."""
    first = found.first_answer
    return bool(first and form.nonce and first.nonce == form.nonce and first.user_id == request.user.pk)


def _decided(request: HttpRequest, found: Approval, form: DecisionForm) -> HttpResponse:
    try:
        after = services.decide(
            actor=person(request.user),
            approval_id=found.pk,
            fingerprint=form.fingerprint,
            option=form.option,
            edits=form.edits or None,
            reason=form.reason,
            reason_code=form.chip,
            confirmed=form.ticked,
            evidence=form.evidence,
            nonce=form.nonce,
            proof=proving.proof_of(request),
            read=reading.pressed(
                form.noted, request.user.pk, found.pk, at=timezone.now().timestamp(), opened=form.unfolded
            ),
        )
    except StepUpNeeded:
        return _prove(request, found, form, [])
    except ReasonRequired as refusal:
        form.problems.append(Problem("reason", refusal.message))
        return _page(request, found, form, status=422)
    except HigherNeeded as refusal:
        form.problems.append(Problem("reason", refusal.message))
        return _page(request, _approval(request, found.pk), _again(form), status=409)
    except Changed as refusal:
        return _changed(request, found, form, refusal)
    except AlreadyDecided as refusal:
        fresh = _approval(request, found.pk)
        return _page(request, fresh, form, status=409, late=refusal)
    held.remember(request.user)
    if after.hold_until is None or after.hold_until <= timezone.now():
        messages.success(request, _("Recorded: %(option)s.") % {"option": _title(request, after, form.option)})
    following = forms.following(request.POST)
    return redirect("approvals:approval", following) if following else redirect("approvals:inbox")


def _was_read(request: HttpRequest, found: Approval, form: DecisionForm) -> bool:
    """Whether the page was filled from what there is now; the decision itself looks again, under the lock."""
    chosen = [write for write in found.proposal.writes.select_related("operation") if write.option == form.option]
    return ticking.was_read(form.evidence, _shown_from(found, ""), chosen)


def _changed(request: HttpRequest, found: Approval, form: DecisionForm, refusal: Changed) -> HttpResponse:
    """The page as it is now, with the same answer on it."""
    saw, fresh = form.fingerprint, _approval(request, found.pk)
    return _page(request, fresh, _again(form), status=409, changed=refusal, seen=saw)


@signed_in
@require_POST
def open_masked(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Show one masked argument to whoever decides, for a while, and record that it was opened. The entry is kept."""
    found = _approval(request, approval_id)
    name = request.POST.get("open", "")[:400]
    masking.open_masked(actor=person(request.user), approval_id=found.pk, name=name)
    kept = request.session.get(OPENED) or {}
    until = int(timezone.now().timestamp()) + OPEN_SECONDS
    request.session[OPENED] = {**kept, f"{found.pk} {name}": until}
    return _as_it_was(request, found)


@signed_in
@require_POST
def look_again(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Read the evidence anew; the entry is kept."""
    found = _approval(request, approval_id)
    changed = looking_again.look_again(actor=person(request.user), approval_id=found.pk)
    messages.info(
        request,
        _("Looked again: something changed, see below.") if changed else _("Looked again: nothing changed."),
    )
    return _as_it_was(request, _approval(request, found.pk))


def _as_it_was(request: HttpRequest, found: Approval) -> HttpResponse:
    """The page again with what was entered so far, and nothing decided."""
    form = forms.posted(request.POST, found, sheet.offered(_options(request, found)))
    form.problems.clear()
    form.nonce = form.nonce or forms.new_nonce()
    if "seal" in request.POST and form.option:
        return _page(request, found, form, template=CHECK)
    return _page(request, found, form)


@signed_in
@require_POST
def undo(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Take a decision back while its hold lasts; the approval waits again."""
    found = _approval(request, approval_id)
    services.undo(actor=person(request.user), approval_id=found.pk)
    messages.success(request, _("Undone. Nothing was written, and this waits for a decision again."))
    return redirect("approvals:approval", found.pk)


def _approval(request: HttpRequest, approval_id: uuid.UUID) -> Approval:
    found = selectors.approval_of(request.user, approval_id)
    if found is None:
        raise Http404
    return found


def opened_by(request: HttpRequest, found: Approval) -> set[str]:
    """The masked arguments of this approval that the person opened and that still show."""
    return {name for approval, name in opened_now(request) if approval == str(found.pk)}


def opened_now(request: HttpRequest) -> set[tuple[str, str]]:
    """(approval, masked argument) that the person opened, of any approval, and that still show."""
    now = timezone.now().timestamp()
    kept = request.session.get(OPENED) or {}
    return {(key.split(" ", 1)[0], key.split(" ", 1)[1]) for key, until in kept.items() if until > now}


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
    company = page.company if page else hiding.company_of(found.of_company)
    currency = company.currency if company else "HKD"
    hold = max(company.hold_seconds if company else DEFAULT_HOLD, found.own_hold or 0)
    writes = page.writes if page else list(found.proposal.writes.select_related("operation__system"))
    writes = first_answer.as_fixed(writes, found.first_answer)
    options = sheet.options_of(
        found.proposal,
        writes,
        language=_language(),
        hold=hold,
        currency=currency,
        chosen=form.option if form else "",
        edits=form.edits if form else None,
        ticked=form.ticked if form else showing.NO_TICKS,
        opened=opened_by(request, found),
        grounds=_shown_from(found, currency),
        first=found.first_answer,
    )
    sheet.keep_entered(options, form.entered if form else {})
    return options


def _shown_from(found: Approval, currency: str) -> showing.Grounds:
    """What the variants of the page may show: what was looked at for the proposal."""
    type_ = found.case.type
    return showing.Grounds(
        evidence=found.proposal.evidence,
        tables=type_.tables if type_ else {},
        now=timezone.now(),
        zone=timezone.get_current_timezone(),
        currency=currency,
        language=_language(),
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
    every = _options(request, found, page, form)
    suggested = next((option for option in every if option.suggested), None)
    options = sheet.offered(every)
    if first := choosing_first.chooses_first(found):
        choosing_first.without_mark(options)
        choosing_first.untold(page.history)
    language = _language()
    masks = hiding.masks_of(found.case_id, opened_now(request), hiding.masked_of(page.company))
    rules = grounds.rules_of(found.proposal, language, page.fact_titles, page.amounts, page.currency, masks=masks)
    if "changed" in more:
        seen = more.pop("seen", "")
        changes = reshown.changes(found, seen, page.writes, page.fact_titles, language, page.amounts)
        more["changes"] = reshown.in_words(masks.hide(changes), page.currency)
    if found.state == "waiting":
        reshown.keep(found, page.writes)
    evidence = grounds.evidence_of(found.proposal, language, timezone.now(), page.currency, masks=masks)
    before = precedents.precedents(request.user, found, page.writes, language=language)
    for write in page.writes:  # rows that are only shown
        write.reference, write.error = masks.hide([write.reference, write.error])
    if page.may_decide and not form.noted:
        form.noted = _noted(request, found, page, options, rules, evidence, before)
    context = {
        "area": "approvals",
        "approval": found,
        "case": found.case,
        "proposal": found.proposal,
        "why": masks.hide(found.proposal.why),
        "page": page,
        "options": options,
        "chosen": next((o for o in options if o.chosen), None),
        "first": first,
        "suggested": suggested if first and template == CHECK else None,
        "differs": bool(form.option) and sheet.differs(found.proposal, form.option),
        "form": form,
        "fingerprint": first_answer.to_name(found, found.first_answer),
        "chips": forms.chips(found, language),
        "rules": rules,
        "newer": starting.newer(found, page.writes),
        "evidence": evidence,
        "read": _shown_from(found, page.currency).digest,
        "first_seen": [seen for seen in evidence if not seen.worked_out or seen.changed_at],
        "worked_out": [seen for seen in evidence if seen.worked_out and not seen.changed_at],
        "stale": any(seen.old or not seen.known for seen in evidence),
        "may_open": found.state == "waiting" and page.may_decide,
        "following": forms.following(request.POST),
        "history": timeline.lines(page.history, timezone.get_current_timezone(), agent_titles(), masks.hide),
        "before": before,
        "raw": grounds.raw_of(found.proposal, page.writes, masks),
        **more,
    }
    return render(request, template, context, status=status)


def _noted(
    request: HttpRequest,
    found: Approval,
    page: selectors.Detail,
    options: list[sheet.Option],
    rules: list[grounds.Ground],
    evidence: list[grounds.Seen],
    before: precedents.Precedents,
) -> str:
    """When this page was opened and what there is to read on it: it comes back with the answer."""
    said = [say(reason, _language()) for reason in found.reasons]
    message = page.first_message.text[:1500] if page.first_message else ""
    title = say(found.title, _language())
    return reading.note(
        request.user.pk,
        found.pk,
        at=timezone.now().timestamp(),
        words=reading.words_to_read(title, options, rules, evidence, [*said, message]),
        folded=[
            *(f"message.{option.index}" for option in options if option.draft and option.allowed),
            *(part for part, rows in (("customer", before.others), ("similar", before.similar)) if rows),
            "raw",
        ],
    )
