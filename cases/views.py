"""Triage: what no request type fits for sure, sorted by a person with one click. The click is `desk:sort`."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cases import selectors
from cases.signed_in import signed_in

PAGE = 25


@signed_in
@require_safe
def triage(request: HttpRequest) -> HttpResponse:
    """Cases to sort, the oldest first, each with the three likeliest types."""
    page = Paginator(selectors.triage_queue(request.user), PAGE).get_page(request.GET.get("page"))
    types = selectors.types_in_use()
    rows = [(case, selectors.suggestions(case, types)) for case in page.object_list]
    context = {"area": "cases", "page": page, "rows": rows, "types": list(types.values())}
    return render(request, "cases/triage.html", context)
