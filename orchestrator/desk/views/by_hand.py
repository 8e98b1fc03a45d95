"""A case by hand: the fallback card made live, calls through the same gate, and repairing the record."""

import uuid
from datetime import UTC
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from agents import forms as argument_forms
from agents import services as agent_services
from agents.models import Operation, Write
from cases.actors import person
from cases.models import Case, Company
from cases.placeholders import fill
from cases.signed_in import signed_in
from cases.values import UNKNOWN, coerce
from cases.wording import argument as named
from cases.wording import value
from orchestrator.desk.selectors import case_page
from orchestrator.desk.views.cases import visible_case
from orchestrator.flow import calls


@signed_in
@require_safe
def by_hand(request: HttpRequest, case_id: int) -> HttpResponse:
    """What is left to do, which system, which template, who approves, and what to repair."""
    found = visible_case(request, case_id)
    return _page(request, found, operation_name=request.GET.get("operation", ""))


@signed_in
@require_POST
def call(request: HttpRequest, case_id: int) -> HttpResponse:
    """One call by this person: typed arguments, the gate, the rules, the executor, as for anybody."""
    found = visible_case(request, case_id)
    name = request.POST.get("operation", "")
    page = case_page.by_hand(found)
    operation = next((row for row in page.operations if row.name == name), None)
    if operation is None:
        raise Http404
    boxes = _boxes(operation, {})
    arguments = argument_forms.read(boxes, request.POST, operation.arguments)
    problems = [(box.name, box.error) for box in boxes if box.error]
    if not problems:
        problems = argument_forms.problems(boxes, operation.arguments, arguments)
    if problems:
        return _page(request, found, operation_name=name, boxes=boxes, problems=problems, status=422)
    answer = calls.call(
        actor=person(request.user),
        case_id=found.pk,
        operation=operation.name,
        arguments=arguments,
        turn=found.turn,
        why=request.POST.get("why", "").strip()[:300],
    )
    if operation.is_write or answer.status != "done":
        words = CALL_WORDS.get(answer.status, lambda: answer.status)()
        level = messages.success if answer.status in ("done", "held", "permitted", "waiting") else messages.error
        level(request, f"{operation.shown}: {words}" + (f" {answer.error}" if answer.error else ""))
        return redirect("desk:by-hand", found.pk)
    return _page(request, found, operation_name=name, boxes=boxes, result=answer.result)


CALL_WORDS = {
    "done": lambda: _("done, and recorded."),
    "waiting": lambda: _("this needs an approval and waits for it."),
    "held": lambda: _("decided, and written after the hold."),
    "permitted": lambda: _("permitted, and being written."),
    "failed": lambda: _("the system said no. Nothing was written."),
    "differs": lambda: _("written, but the system shows something else. Look at it under Repair the record."),
    "unknown": lambda: _("nobody knows yet whether it was written. Look at it under Repair the record."),
    "rejected": lambda: _("rejected. Nothing was written."),
    "withdrawn": lambda: _("withdrawn. Nothing was written."),
    "expired": lambda: _("too late. Nothing was written."),
}


@signed_in
@require_POST
def repair(request: HttpRequest, case_id: int, write_id: uuid.UUID) -> HttpResponse:
    """Say what really became of a write: it is there, with its reference, or it is not."""
    found = visible_case(request, case_id)
    write = get_object_or_404(Write, pk=write_id, case=found)
    agent_services.repair(
        actor=person(request.user),
        write_id=write.pk,
        outcome="written" if request.POST.get("outcome") == "written" else "failed",
        reference=request.POST.get("reference", "").strip()[:300],
        note=request.POST.get("note", "").strip()[:600],
    )
    messages.success(request, _("The record is repaired: %(what)s.") % {"what": write.operation.shown})
    return redirect("desk:by-hand", found.pk)


@signed_in
@require_POST
def look_again(request: HttpRequest, case_id: int, write_id: uuid.UUID) -> HttpResponse:
    """Ask the system again whether a write is there."""
    found = visible_case(request, case_id)
    write = get_object_or_404(Write, pk=write_id, case=found)
    agent_services.reconcile(actor=person(request.user), write_id=write.pk)
    messages.success(request, _("Looked up again: %(what)s.") % {"what": write.operation.shown})
    return redirect("desk:by-hand", found.pk)


def _page(
    request: HttpRequest,
    found: Case,
    *,
    operation_name: str = "",
    boxes: list[argument_forms.Box] | None = None,
    problems: list[tuple[str, str]] | None = None,
    result: Any = None,
    status: int = 200,
) -> HttpResponse:
    page = case_page.by_hand(found)
    operation = next((row for row in page.operations if row.name == operation_name), None)
    if operation and boxes is None:
        boxes = _boxes(operation, _from_facts(operation, found))
    context = {
        "area": "cases",
        "case": found,
        "page": page,
        "mine": found.holder_user_id == request.user.pk,
        "may_work": found.may_work,  # type: ignore[attr-defined]
        "operation": operation,
        "boxes": boxes,
        "why": request.POST.get("why", ""),
        "problems": problems,
        "result": result,
        "texts": _texts(found, page),
        "repairs": [(write, _shown_arguments(write)) for write in page.repairs],
    }
    return render(request, "desk/by_hand.html", context, status=status)


def _boxes(operation: Operation, values: dict[str, Any]) -> list[argument_forms.Box]:
    """The fields of a call; an amount is in the company's currency, unless the call names another."""
    money = operation.money if isinstance(operation.money, str) and not operation.currency else ""
    currency = Company.objects.values_list("currency", flat=True).first() or "HKD" if money else ""
    return argument_forms.entries(operation.arguments, values, prefix="argument.", money=money, currency=currency)


def _from_facts(operation: Operation, found: Case) -> dict[str, Any]:
    """Arguments that must equal a fact of the case, filled in from that fact."""
    keys = operation.case_key if isinstance(operation.case_key, dict) else {}
    filled = {}
    for argument, fact in keys.items():
        stored = found.facts.get(fact) if isinstance(fact, str) else None
        known = stored.get("value") if isinstance(stored, dict) and stored.get("known") else None
        if isinstance(known, list) and len(known) == 1:
            known = known[0]
        if isinstance(known, dict):
            known = known.get("id")
        if isinstance(known, str | int | float):
            filled[argument] = known
    if isinstance(operation.case_key, dict) and "to" in (operation.arguments.get("properties") or {}):
        filled.setdefault("to", found.contact)
    return filled


def _texts(found: Case, page: case_page.ByHand) -> list[dict[str, Any]]:
    """The templates of the type, filled from our record; what is not known keeps its braces."""
    facts = {fact["name"]: _as_written(fact) for fact in page.facts if fact.get("known")}
    chosen = page.card.template_id if page.card else None
    rows = sorted(page.templates, key=lambda template: template.pk != chosen)
    return [
        {
            "name": template.name,
            "chosen": template.pk == chosen,
            "texts": [(language, fill(text, facts)[0]) for language, text in template.texts.items()],
        }
        for template in rows
    ]


def _as_written(fact: dict[str, Any]) -> Any:
    """A stored amount has lost its places; the AI's texts have them: `240.00`."""
    if fact["kind"] != "money":
        return fact.get("value")
    amount = coerce(fact.get("value"), "money", UTC, fact["currency"])
    return fact.get("value") if amount is UNKNOWN else amount


def _shown_arguments(write: Write) -> list[tuple[str, str]]:
    """What was to be written, secret arguments hidden."""
    sent = write.carried_out or write.decided or write.proposed
    return [
        (named(name), _("hidden") if name in write.operation.secret else _said(write, name, inner))
        for name, inner in sent.items()
    ]


def _said(write: Write, name: str, inner: Any) -> str:
    return value(inner, write.currency or "HKD", "money" if name == write.operation.money else "")
