"""One function per list of floor 1, with its prefetching."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from cases.models import Case, RequestType

SUGGESTIONS = 3


@dataclass(frozen=True)
class Suggestion:
    """A type the sorter thinks likely; `confidence` from 0 to 1, None when it did not say."""

    type: RequestType
    confidence: float | None


def triage_queue(user: Any) -> QuerySet[Case]:
    """Cases that wait to be sorted by somebody like `user`, the oldest first, with their messages."""
    rows = Case.objects.visible_to(user, "work").filter(status=Case.Status.TRIAGE)
    return rows.select_related("type", "holder_user", "holder_team").prefetch_related("messages").order_by("pk")


def types_in_use() -> dict[str, RequestType]:
    """Every request type by name."""
    return {row.name: row for row in RequestType.objects.filter(retired=False).order_by("name")}


def suggestions(case: Case, types: Mapping[str, RequestType]) -> list[Suggestion]:
    """The likeliest types of a case that nobody is sure about, at most three; `types` by name."""
    found = []
    for row in case.sorting.get("top") or []:
        if row.get("type") in types:
            found.append(Suggestion(types[row["type"]], row.get("confidence")))
    return found[:SUGGESTIONS]
