"""Pages of cover: one's own, that of people one leads, and positions in which nobody is left."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from approvals import covering
from approvals.cover_page import CoverPage, cover_page
from approvals.forms import CoverForm, PositionForm
from cases.actors import person
from cases.errors import Incorrect, NoRight, NotFound, Refusal, WrongState
from cases.signed_in import signed_in


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def cover(request: HttpRequest) -> HttpResponse:
    """Who covers for whom, and the form to set it."""
    found = cover_page(request.user)
    if request.method != "POST":
        return _page(request, found)
    form = CoverForm(request.POST, people=found.people, of=[request.user, *found.coverable])
    if not form.is_valid():
        return _page(request, found, form=form, status=422)
    data = form.cleaned_data
    try:
        covering.set_cover(
            actor=person(request.user),
            of_id=int(data["of"] or request.user.pk or 0),
            by_id=int(data["by"]),
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            reason=data["reason"],
        )
    except (Incorrect, WrongState, NoRight, NotFound) as refusal:
        return _refused(request, form, refusal)
    messages.success(request, _("The cover is set. It needs no acceptance and ends by itself."))
    return redirect("approvals:cover")


@signed_in
@require_POST
def fill_position(request: HttpRequest) -> HttpResponse:
    """An admin lays down who answers for a team in which nobody is left."""
    found = cover_page(request.user)
    form = PositionForm(request.POST, people=found.people, teams=found.empty)
    if not request.user.is_superuser:
        raise NoRight(_("Only an admin can fill an empty position. Nothing was changed."))
    if not form.is_valid():
        return _page(request, found, position=form, status=422)
    data = form.cleaned_data
    try:
        covering.fill_position(
            actor=person(request.user),
            team_id=int(data["team"]),
            by_id=int(data["by"]),
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            reason=data["reason"],
        )
    except (Incorrect, WrongState, NoRight) as refusal:
        form.add_error(None, refusal.message)
        return _page(request, cover_page(request.user), position=form, status=refusal.http_status)
    messages.success(request, _("The position is filled. Each decision says so."))
    return redirect("approvals:cover")


@signed_in
@require_POST
def end_cover(request: HttpRequest, cover_id: int) -> HttpResponse:
    """End a cover now."""
    covering.end_cover(actor=person(request.user), cover_id=cover_id)
    messages.success(request, _("The cover is over. From now on they decide nothing for that person."))
    return redirect("approvals:cover")


def _refused(request: HttpRequest, form: CoverForm, refusal: Refusal) -> HttpResponse:
    form.add_error(None, refusal.message)
    return _page(request, cover_page(request.user), form=form, status=refusal.http_status)


def _page(
    request: HttpRequest,
    found: CoverPage,
    *,
    form: CoverForm | None = None,
    position: PositionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "page": found,
        "form": form or CoverForm(people=found.people, of=[request.user, *found.coverable]),
        "position": position or (PositionForm(people=found.people, teams=found.empty) if found.empty else None),
        "shown_form": position if position and position.errors else form,
    }
    return render(request, "approvals/cover.html", context, status=status)
