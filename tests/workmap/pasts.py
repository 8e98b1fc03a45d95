"""Finished cases with proposals, as many as a test wants, made in a few statements."""

import random
import uuid
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from agents.models import Operation, Proposal, Write
from approvals.models import Approval, Decision
from cases.models import Case, RequestType

TOLD = {"agreed": "full", "changed": "full", "refused": "reject", "partial": "partial"}


def finished(
    amounts: list[str],
    answers: list[str],
    *,
    type_: str = "refund",
    days: int = 28,
    known: bool = True,
    partial: str = "",
    suggested: str = "full",
) -> None:
    """One done case a row: a refund of `amount`, and what people `answered` (or `nobody`). Spread over `days`.

    `partial`: a second option, a refund of less. `suggested`: which option was; people who agree take the full one.
    """
    now, row = timezone.now(), RequestType.objects.get(name=type_)
    operation = Operation.objects.get(name="payments.refund")
    dice = random.Random(7)
    offered = [{"name": name} for name in ("reject", "full", *(["partial"] if partial else []))]
    cases, proposals, writes, approvals, decisions = [], [], [], [], []
    start = (Case.objects.order_by("-id").values_list("id", flat=True).first() or 1000) + 1
    for n, (amount, answer) in enumerate(zip(amounts, answers, strict=True)):
        at = now - timedelta(days=days * (n + 1) / len(amounts))
        case = Case(
            id=start + n, type=row, status="done", source="customer", channel="api", created_at=at, updated_at=at,
            facts={"order_total": {"value": 480, "known": True}},
        )  # fmt: skip
        facts = {"refunds_90d": dice.choice([0, 0, 0, 1]) if answer != "late" else 0} if known else {}
        proposal = Proposal(
            case=case, turn=1, proposer_kind="agent", proposer="finance", options=offered, suggested=suggested,
            decided=TOLD.get(answer, "full"), state="rejected" if answer == "refused" else "written",
            facts=facts, fingerprint="f" * 64, created_at=at,
        )  # fmt: skip
        for option, money in (("full", amount), ("partial", partial)):
            if money:
                writes.append(
                    Write(
                        case=case, proposal=proposal, option=option, name="payments.refund", operation=operation, turn=1,
                        controlled=True, subject=uuid.uuid4().hex, money=Decimal(money), currency="HKD",
                        proposed={"payment_id": "P-1", "amount": float(money)}, state="withdrawn",
                    )
                )  # fmt: skip
        cases.append(case)
        proposals.append(proposal)
        if answer != "nobody":
            approval = Approval(
                case=case, proposal=proposal, turn=1, state="decided", fingerprint="f" * 64, risk="medium",
                created_at=at, decided_at=at,
            )  # fmt: skip
            approvals.append(approval)
            edits = {"amount": 1} if answer == "changed" else {}
            decisions.append(
                Decision(
                    approval=approval, label="May Lee", team="support-managers", option=TOLD[answer], edits=edits,
                    fingerprint="f" * 64, at=at,
                )
            )  # fmt: skip
    for model, rows in (
        (Case, cases),
        (Proposal, proposals),
        (Write, writes),
        (Approval, approvals),
        (Decision, decisions),
    ):
        model.objects.bulk_create(rows, batch_size=5_000)  # type: ignore[attr-defined]
