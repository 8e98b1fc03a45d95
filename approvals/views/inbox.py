"""The list of approvals: its tabs, filters that a person gave a name, and what came since it was drawn."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from approvals import filters, selectors, whats_new
from cases.actors import person
from cases.errors import Incorrect
from cases.models.config import Risk
from cases.signed_in import signed_in


@signed_in
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """Approvals waiting for this person, watched, put aside, or decided by them."""
    asked = request.GET
    wanted = selectors.InboxFilter(
        tab=tab if (tab := asked.get("tab", "")) in ("watching", "snoozed", "decided") else "waiting",
        type=asked.get("type", "")[:120],
        risk=asked.get("risk", "")[:10],
        agent=asked.get("agent", "")[:120],
        q=asked.get("q", "").strip()[:100],
        cover=asked.get("cover", "")[:150],
        page=asked.get("page", "1"),
    )
    found = selectors.inbox(request.user, wanted, timezone.now(), timezone.get_current_timezone())
    query = filters.query_of(request.META.get("QUERY_STRING", ""))
    return render(
        request,
        "approvals/inbox.html",
        {
            "area": "approvals",
            "inbox": found,
            "wanted": wanted,
            "query": query,
            "kept": next((one for one in found.saved if one.query == query), None),
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
    """What is new since the list was drawn: 204 if nothing, so that nothing moves under the pointer.

    Asked every 20 s by every open list, so it asks for nothing but that: it has no frame, and is told its language.
    """
    known = whats_new.read_stamp(request.GET.get("stamp", ""))
    found = whats_new.waiting_since(request.user, known)
    if found is None and "stamp" in request.GET:
        return HttpResponse(status=204)
    asked = request.GET.get("language", "")
    with translation.override(asked if asked in dict(settings.LANGUAGES) else translation.get_language()):
        return HttpResponse(render_to_string("approvals/_news.html", {"news": found or whats_new.News(0, 0)}))


@signed_in
@require_POST
def save_filter(request: HttpRequest) -> HttpResponse:
    """Keep the choice under a name."""
    query = filters.query_of(request.POST.get("query", ""))
    try:
        kept = filters.save(actor=person(request.user), name=request.POST.get("name", ""), query=query)
    except Incorrect as refusal:
        messages.error(request, refusal.message)
        return _to(query)
    messages.success(request, _("Kept as “%(name)s”.") % {"name": kept.name})
    return _to(kept.query)


@signed_in
@require_POST
def remove_filter(request: HttpRequest, filter_id: int) -> HttpResponse:
    """Forget one of one's own."""
    filters.remove(actor=person(request.user), filter_id=filter_id)
    messages.success(request, _("Removed. The approvals are where they were."))
    return redirect("approvals:inbox")


def _to(query: str) -> HttpResponse:
    return redirect(f"{reverse('approvals:inbox')}?{query}" if query else "approvals:inbox")
