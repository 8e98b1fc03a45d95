"""Search: a case number jumps, anything else lists the cases this person may see."""

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from cases.models import Case
from cases.signed_in import signed_in
from orchestrator.desk.selectors import queues

NUMBER = re.compile(r"[Cc]-[1-9][0-9]{0,17}")


@signed_in
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Case number, name, contact, order number, words of either language; from two characters on."""
    text = request.GET.get("q", "").strip().replace("\x00", "")[:100]
    if NUMBER.fullmatch(text) and Case.objects.visible_to(request.user).filter(pk=int(text[2:])).exists():
        return redirect("desk:case", int(text[2:]))
    short = len(text) < 2
    found = queues.Search([], more=False) if short else queues.search(request.user, text)
    return render(request, "desk/search.html", {"area": "cases", "q": text, "found": found, "short": short})
