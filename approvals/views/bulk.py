"""Pages for deciding several low-risk approvals together: a preview that changes nothing, and what became of each."""

import secrets
import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from approvals import bulk as together
from approvals import held
from approvals.errors import StepUpNeeded
from approvals.models import Approval
from approvals.views import proving
from cases.actors import person
from cases.signed_in import signed_in

KEPT = "approvals_bulk"  # in the session: what became of the last batch


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: HttpRequest) -> HttpResponse:
    """Show each of the chosen ones with what it writes; a post decides each by itself."""
    if request.method == "POST":
        return _decide(request)
    found = together.chosen(request.user, request.GET.getlist("a"), language=_language())
    if not found.rows:
        messages.warning(
            request, found.left[0][1] if found.left else _("Nothing is chosen. Tick some of the list first.")
        )
        return redirect("approvals:inbox")
    for row in found.rows:
        others = [("a", str(other.approval.pk)) for other in found.rows if other is not row]
        row.rest = f"?{urlencode(others)}" if others else ""
    context = {"area": "approvals", "batch": found, "left": _left(found), "nonce": secrets.token_urlsafe(16)}
    return render(request, "approvals/bulk.html", context)


def _decide(request: HttpRequest) -> HttpResponse:
    seen = [(pk, shown) for pk, _dot, shown in (text.partition(".") for text in request.POST.getlist("row"))]
    nonce = request.POST.get("nonce", "")
    if not seen or not nonce:
        messages.warning(request, _("Nothing was chosen, so nothing was decided."))
        return redirect("approvals:inbox")
    wrong = proving.take(request)
    if wrong:
        return _prove(request, len(seen), wrong)
    try:
        results = together.decide_each(
            actor=person(request.user),
            seen=seen,
            option=request.POST.get("option", ""),
            nonce=nonce,
            language=_language(),
            proof=proving.proof_of(request),
        )
    except StepUpNeeded:
        return _prove(request, len(seen), [])
    if any(one.approved for one in results):
        held.remember(request.user)
    request.session[KEPT] = [[str(one.approval_id), one.approved, one.words] for one in results]
    return redirect("approvals:bulk-done")


def _prove(request: HttpRequest, count: int, wrong: list[str]) -> HttpResponse:
    words = ngettext("Approve %(n)s", "Approve these %(n)s", count) % {"n": count}
    return proving.ask(request, title=_("Approve several"), words=words, wrong=wrong)


@signed_in
@require_safe
def bulk_done(request: HttpRequest) -> HttpResponse:
    """What became of each of the last batch."""
    kept: list[list[Any]] = request.session.get(KEPT) or []
    if not kept:
        return redirect("approvals:inbox")
    ids = [uuid.UUID(pk) for pk, _approved, _words in kept]
    now = timezone.now()
    known = {one.pk: one for one in Approval.objects.visible_to(request.user).filter(pk__in=ids).select_related("case")}
    rows = [
        {
            "approval": known.get(pk),
            "approved": approved,
            "words": words,
            "undo": approved and pk in known and _held(known[pk], now),
        }
        for pk, (_text, approved, words) in zip(ids, kept, strict=True)
    ]
    approved = sum(1 for row in rows if row["approved"])
    context = {"area": "approvals", "rows": rows, "approved": approved, "left": len(rows) - approved}
    return render(request, "approvals/bulk_done.html", context)


def _held(approval: Approval, now: Any) -> bool:
    return approval.state == Approval.State.DECIDED and bool(approval.hold_until and approval.hold_until > now)


def _left(batch: together.Batch) -> list[tuple[Any, str]]:
    """(title, why) of what was chosen and cannot be decided together; no title where it is not seen."""
    return [(batch.titles.get(pk), words) for pk, words in batch.left]


def _language() -> str:
    return translation.get_language() or "en"
