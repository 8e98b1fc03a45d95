"""What is masked where the story of a case is told: its page, the admin, the API. The ledger keeps what was.

Opening one is recorded on the approval (`masking.py`); how it is written is pure (`masks.py`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models.functions import JSONObject

from agents.models import Operation, Write
from approvals import sheet
from approvals.masks import LEAST, Masks, leaves
from cases.models import Company

Names = Mapping[str, frozenset[str]]


def said_of_company() -> Any:
    """As one value, for a query of the approval itself: what its page needs of the company, and which arguments of
    which operations are masked.
    """
    masking = Operation.objects.exclude(masked=[]).order_by("name").values(of=JSONObject(name="name", masked="masked"))
    said = Company.objects.filter(pk=1).annotate(masking=ArraySubquery(masking))
    return said.values(one=JSONObject(currency="currency", hold_seconds="hold_seconds", masking="masking"))


def company_of(said: Mapping[str, Any] | None) -> Company | None:
    """The company that was said, with `masking` beside it."""
    if not said:
        return None
    company: Any = Company(currency=said["currency"], hold_seconds=said["hold_seconds"])
    company.masking = said["masking"] or []
    named: Company = company
    return named


def masked_of(company: Company | None) -> Names:
    return {one["name"]: frozenset(one["masked"]) for one in getattr(company, "masking", ())}


def masks_of(case_id: Any, opened: Collection[tuple[str, str]] = (), by_operation: Names | None = None) -> Masks:
    """What is masked in the story of this case; None: of no case. As `masks_of_each`."""
    return masks_of_each({case_id}, opened, by_operation)[case_id]


def masks_of_each(
    case_ids: Collection[Any], opened: Collection[tuple[str, str]] = (), by_operation: Names | None = None
) -> dict[Any, Masks]:
    """What is masked in the story of each of these cases.

    `opened`: (approval, `OPTION.WRITE.ARGUMENT`) that the reader has opened. One query where no operation masks
    anything (none if `by_operation` is known), else one more, for many cases as for one.
    """
    if by_operation is None:
        found = Operation.objects.exclude(masked=[]).values_list("name", "masked")
        by_operation = {name: frozenset(masked) for name, masked in found}
    if not by_operation:
        return dict.fromkeys(case_ids, Masks())
    writes = Write.objects.filter(case__in=case_ids, operation__name__in=by_operation).select_related("operation")
    by_case: dict[Any, list[Write]] = {case_id: [] for case_id in case_ids}
    for write in writes.prefetch_related("proposal__approvals") if opened else writes:
        by_case[write.case_id].append(write)
    return {case_id: _masks(of_case, opened, by_operation) for case_id, of_case in by_case.items()}


def _masks(writes: Iterable[Write], opened: Collection[tuple[str, str]], by_operation: Names) -> Masks:
    """What the writes of one case mask. `values` are looked for wherever they stand."""
    by_write: dict[str, frozenset[str]] = {}
    values: set[str] = set()
    shown: set[str] = set()
    for write in writes:
        names = by_operation[write.operation.name]
        by_write[write.name] = by_write.get(write.name, frozenset()) | names
        approvals = write.proposal.approvals.all() if opened and write.proposal else ()
        for name in names:
            texts = {
                text
                for arguments in (write.proposed, write.decided, write.carried_out)
                for text in leaves((arguments or {}).get(name))
            }
            values |= texts
            if any((str(approval.pk), sheet.opening(write, name)) in opened for approval in approvals):
                shown |= texts
    return Masks(by_operation, by_write, tuple(text for text in values if len(text) >= LEAST), frozenset(shown))
