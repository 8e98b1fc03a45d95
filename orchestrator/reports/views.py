"""Pages of reports. Thin: who may see it, one selector, one page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from approvals import overseeing
from cases.errors import NoRight
from cases.signed_in import signed_in


@signed_in
@require_safe
def load(request: HttpRequest) -> HttpResponse:
    """How much the teams that this person leads, or that are below theirs, decide. Of teams, never of people."""
    teams = overseeing.overseen(request.user)
    if not teams:
        raise NoRight(_("The load of a team is for who leads it, or is in a team above it."))
    rows = overseeing.loads(teams, now=timezone.now(), zone=timezone.get_current_timezone())
    return render(request, "reports/load.html", {"area": "reports", "rows": rows})
