"""The case list and the page of one case, with everything a person can do to it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from agents.selectors import agent_titles
from approvals import hiding
from approvals.views.deciding import opened_now
from cases import story, timeline
from cases.actors import person
from cases.models import Case
from cases.signed_in import signed_in
from orchestrator.desk import services
from orchestrator.desk.selectors import case_page, queues


@signed_in
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The case list: one tab, filtered."""
    asked = request.GET
    tabs = queues.tabs_for(request.user)
    wanted = queues.QueueFilter(
        tab=asked["tab"] if asked.get("tab") in tabs else "mine",
        type=asked.get("type", ""),
        status=asked.get("status", ""),
        q=asked.get("q", "").strip().replace("\x00", "")[:100],
        page=asked.get("page", "1"),
    )
    names = {
        "mine": _("Mine"),
        "unassigned": _("Unassigned"),
        "ai": _("With AI"),
        "approval": _("Waiting for approval"),
        "repair": _("Records to repair"),
        "all": _("All"),
    }
    found = queues.queue(request.user, wanted)
    listed = [(name, names[name], found.counts.get(name)) for name in tabs]
    context = {
        "area": "cases",
        "queue": found,
        "wanted": wanted,
        "tabs": listed,
        "states": Case.Status.choices,
    }
    return render(request, "desk/cases.html", context)


@signed_in
@require_safe
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """One case: who has it, the conversation, what is known, and why each thing happened."""
    found = visible_case(request, case_id)
    context = {
        "area": "cases",
        "case": found,
        "page": case_page.case_page(request.user, found),
        "where": story.where(found),
        "why_here": story.why_here(found.why_here),
        "mine": found.holder_user_id == request.user.pk,
        "may_work": found.may_work,  # type: ignore[attr-defined]
        **_story(request, found),
    }
    return render(request, "desk/case.html", context)


@signed_in
@require_safe
def story_part(request: HttpRequest, case_id: int) -> HttpResponse:
    """Earlier events of the timeline, alone; without JavaScript the whole case page from there."""
    found = visible_case(request, case_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"{resolve_url('desk:case', found.pk)}?{request.GET.urlencode()}#timeline")
    return render(request, "desk/_story.html", {"case": found, **_story(request, found)})


def _story(request: HttpRequest, found: Case) -> dict[str, object]:
    before = request.GET.get("before", "")
    kind = request.GET.get("kind", "")
    told = case_page.story_of(found, kind=kind, before=int(before) if before.isdecimal() and len(before) < 9 else None)
    masks = hiding.masks_of(found.pk, opened_now(request))
    return {
        "lines": timeline.lines(told.events, timezone.get_current_timezone(), agent_titles(), masks.hide),
        "earlier": told.earlier,
        "kind": kind,
        "before": before,
        "kinds": [(name, str(words), story.SIGNS[name]) for name, words in story.KINDS.items()],
    }


@signed_in
@require_POST
def sort(request: HttpRequest, case_id: int) -> HttpResponse:
    """Say what a case is: the answer of triage, or a correction."""
    found = visible_case(request, case_id)
    after = services.sort(actor=person(request.user), case_id=found.pk, type_name=request.POST.get("type", ""))
    title = after.type.shown if after.type else ""
    messages.success(request, _("%(number)s is sorted as %(type)s.") % {"number": after.number, "type": title})
    return _onwards(request, found)


@signed_in
@require_POST
def message(request: HttpRequest, case_id: int) -> HttpResponse:
    """A reply to the requester, or a private note."""
    found = visible_case(request, case_id)
    private = "private" in request.POST
    text = request.POST.get("text", "").strip().replace("\r\n", "\n")
    services.add_message(actor=person(request.user), case_id=found.pk, text=text, private=private)
    messages.success(request, _("The note is kept.") if private else _("The reply is on its way."))
    return redirect("desk:case", found.pk)


@signed_in
@require_POST
def take_over(request: HttpRequest, case_id: int) -> HttpResponse:
    """The AI stops on this case and this person has it, in one step."""
    found = visible_case(request, case_id)
    services.take_over(actor=person(request.user), case_id=found.pk)
    messages.success(
        request, _("You have case %(number)s now. The AI does nothing more on it.") % {"number": found.number}
    )
    return redirect("desk:by-hand", found.pk)


@signed_in
@require_POST
def hand_back(request: HttpRequest, case_id: int) -> HttpResponse:
    """Give the case back to the AI: what it may do, and what was promised meanwhile."""
    found = visible_case(request, case_id)
    services.hand_back(
        actor=person(request.user),
        case_id=found.pk,
        may=request.POST.get("may", "continue"),
        promised=request.POST.get("promised", "").strip()[:2000],
    )
    messages.success(request, _("Case %(number)s is with the AI again.") % {"number": found.number})
    return redirect("desk:case", found.pk)


@signed_in
@require_POST
def close(request: HttpRequest, case_id: int) -> HttpResponse:
    """Finish a case with its outcome in a few words."""
    found = visible_case(request, case_id)
    outcome = request.POST.get("outcome", "").strip()[:60]
    services.close(actor=person(request.user), case_id=found.pk, outcome=outcome)
    messages.success(request, _("Case %(number)s is closed.") % {"number": found.number})
    return redirect("desk:case", found.pk)


@signed_in
@require_POST
def reopen(request: HttpRequest, case_id: int) -> HttpResponse:
    """Open a closed case again."""
    found = visible_case(request, case_id)
    services.reopen(actor=person(request.user), case_id=found.pk)
    messages.success(request, _("Case %(number)s is open again.") % {"number": found.number})
    return redirect("desk:case", found.pk)


@signed_in
@require_POST
def withdraw(request: HttpRequest, case_id: int) -> HttpResponse:
    """The requester does not want this any more; staff record it."""
    found = visible_case(request, case_id)
    reason = request.POST.get("reason", "").strip()[:300]
    services.withdraw(actor=person(request.user), case_id=found.pk, reason=reason)
    messages.success(request, _("Case %(number)s is withdrawn.") % {"number": found.number})
    return redirect("desk:case", found.pk)


def visible_case(request: HttpRequest, case_id: int) -> Case:
    """The case if this person may see it; strangers and wrong numbers get the same 404."""
    found = case_page.case_of(request.user, case_id) if case_id < 2**63 else None
    if found is None:
        raise Http404(_("Case C-%(id)s does not exist, or you may not see it.") % {"id": case_id})
    return found


def _onwards(request: HttpRequest, found: Case) -> HttpResponse:
    """Back to where the form stood, if that is on this site; else to the case."""
    target = request.POST.get("next", "")
    if target and url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return HttpResponseRedirect(target)
    return redirect("desk:case", found.pk)
