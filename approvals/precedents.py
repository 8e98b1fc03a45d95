"""What stands beside one approval: the customer's other cases, and how the same was decided before. One query.

Both lists hold only what their reader may see, five at most, and look no further back than their indexes reach.
"""

# ruff: noqa: S608  # constant texts; every value is bound

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Subquery, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, JSONObject
from django.utils.translation import gettext as _

from agents.models import Write
from approvals.models import Approval, Decision, names_of
from cases.models import Case, RequestType
from cases.texts import say
from cases.wording import field as spoken
from cases.wording import money

MOST = 5
LOOKED_THROUGH = 1_000  # the newest cases of the type: what was decided longer ago tells less
SIFTED = 100  # the newest of each list, before it is asked which of them the reader may see
REJECT = "reject"

# Worked out once and bounded, whatever the planner believes: never for each row of a list.
_OF_CUSTOMER = f"""
WITH newest AS MATERIALIZED (
  SELECT id FROM cases_case WHERE {{0}} = %s AND {{0}} <> '' ORDER BY id DESC LIMIT {SIFTED + 1})
SELECT id FROM newest WHERE id <> %s"""
_ALIKE = f"""
WITH newest AS MATERIALIZED (
  SELECT id FROM cases_case WHERE type_id = %s ORDER BY id DESC LIMIT {LOOKED_THROUGH}
), decided AS MATERIALIZED (
  SELECT a.id, a.proposal_id, a.decided_at FROM newest n
  JOIN approvals_approval a ON a.case_id = n.id AND a.state = 'decided' AND a.id <> %s
), alike AS MATERIALIZED (
  SELECT d.id FROM decided d JOIN agents_proposal p ON p.id = d.proposal_id
  WHERE p.rules @> ANY (%s::jsonb[]) OR (
    SELECT TRUE FROM agents_write w WHERE w.proposal_id = d.proposal_id AND w.operation_id = ANY (%s::bigint[])
    LIMIT 1)
  ORDER BY d.decided_at DESC LIMIT {SIFTED})
SELECT id FROM alike"""


@dataclass
class Precedent:
    """One decided approval: who decided what, over how much, and the reason they chose."""

    approval_id: str
    title: Any
    at: str  # ISO 8601
    who: str
    option: str
    amount: str
    reason: str  # the one of the type that was chosen; what was written beside it stays with that decision


@dataclass
class Precedents:
    """`others`: cases of the same customer. `similar`: decisions of the same type, by the same rule or operation."""

    others: list[Case] = field(default_factory=list)
    similar: list[Precedent] = field(default_factory=list)


def precedents(user: Any, approval: Approval, writes: Sequence[Write], *, language: str) -> Precedents:
    """What `user` may see of the customer's other cases and of similar decisions, the newest first. One query."""
    found: Any = (
        Approval.objects.filter(pk=approval.pk)
        .annotate(
            others=ArraySubquery(_others(user, approval.case)),
            similar=ArraySubquery(_similar(user, approval, writes)),
        )
        .values("others", "similar")
        .first()
    )
    if found is None:
        return Precedents()
    type_ = approval.case.type
    reasons = {say(one, "en"): say(one, language) for one in (type_.reasons if type_ else [])}
    return Precedents(
        [_case(row) for row in found["others"]],
        [_precedent(row, reasons, language) for row in found["similar"]],
    )


def _others(user: Any, case: Case) -> QuerySet[Any, Any]:
    """By the customer's number, else by the contact; nobody's cases are those of a person nobody knows."""
    column, known = ("customer", case.customer) if case.customer else ("contact", case.contact)
    newest = RawSQL(_OF_CUSTOMER.format(column), [known, case.pk])  # noqa: S611  # our own names, bound values
    rows = Case.objects.visible_to(user).filter(pk__in=newest)
    return rows.order_by("-id").values(
        one=JSONObject(id="pk", status="status", outcome="outcome", created_at="created_at", title="type__title")
    )[:MOST]


def _case(row: dict[str, Any]) -> Case:
    """A row for reading, as the one query gave it."""
    title = row.pop("title")
    case = Case(**row)
    case.type = RequestType(title=title) if title else None
    return case


def _similar(user: Any, approval: Approval, writes: Sequence[Write]) -> QuerySet[Any, Any]:
    """Decided ones of the newest cases of the type. A reject is found like the rest: by what had been proposed."""
    ruled = [json.dumps([{"name": rule["name"], "won": True}]) for rule in approval.proposal.deciding_rules]
    bound = [approval.case.type_id, approval.pk, ruled, sorted(_main_operations(writes))]
    decisions = Decision.objects.filter(approval=OuterRef("pk"), undone_at=None).order_by("id")
    moved = Write.objects.filter(
        proposal=OuterRef("proposal"), option=OuterRef("decided_option"), money__isnull=False
    ).order_by("position")
    rows = Approval.objects.visible_to(user).filter(pk__in=RawSQL(_ALIKE, bound))  # noqa: S611  # bound values
    return rows.order_by("-decided_at").values(
        one=JSONObject(
            approval_id="pk",
            title="title",
            at="decided_at",
            option="decided_option",
            options="proposal__options",
            decisions=ArraySubquery(
                decisions.values(
                    one=JSONObject(
                        label="label",
                        covering="covering_label",
                        position="team",
                        override="override",
                        reason="reason_code",
                    )
                )
            ),
            money=Subquery(moved.values(one=JSONObject(amount=Cast("money", TextField()), currency="currency"))[:1]),
        )
    )[:MOST]


def _main_operations(writes: Sequence[Write]) -> set[int]:
    """What each option is about: its first write that moves money, else its first; not the message sent beside it."""
    found: dict[str, Write] = {}
    for write in sorted(writes, key=lambda one: (one.money is None, one.position)):
        if write.option != REJECT:
            found.setdefault(write.option, write)
    return {write.operation_id for write in found.values()}


def _precedent(row: dict[str, Any], reasons: dict[str, str], language: str) -> Precedent:
    option = next((one for one in row["options"] if one["name"] == row["option"]), {"name": row["option"]})
    title = say(option.get("title"), language) or (_("Reject") if row["option"] == REJECT else spoken(row["option"]))
    total = money(row["money"]["amount"], row["money"]["currency"] or "HKD") if row["money"] else ""
    said = row["decisions"]
    who = (names_of(one["label"], one["covering"], one["position"] if one["override"] else "") for one in said)
    reason = next((one["reason"] for one in said if one["reason"]), "")
    return Precedent(
        approval_id=row["approval_id"],
        title=row["title"],
        at=row["at"],
        who=", ".join(who),
        option=title,
        amount=total,
        reason=reasons.get(reason, reason),
    )
