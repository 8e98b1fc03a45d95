"""Prepares a case: sorts the request, finds out whom it is from, looks its facts up. By the control layer itself."""

from typing import Any

from agents.configuration import TypeConfig
from agents.facts import Found
from agents.models import Run
from agents.stretch import Stretch
from approvals.judging import FactLook
from cases import conditions, sorters
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.due import due_times
from cases.models import Case
from cases.transitions import Draft
from orchestrator.flow.customers import as_recorded, identify


def prepare(stretch: Stretch) -> None:
    """Sort the request, find out whom it is from, and look its facts up: by the control layer itself."""
    run = stretch.current or stretch.run
    case = stretch.case
    if case.stage == Case.Stage.SORT and not _sort(stretch):
        run.state = Run.State.DONE
        stretch.done_runs.append(run)
        stretch.current = None
        return
    type_ = stretch.type
    assert type_ is not None  # noqa: S101  # sorted above
    if not case.customer:
        identify(stretch)
    found = _facts(stretch, type_)
    _route(stretch, found)
    stretch.changes["stage"] = Case.Stage.STEPS
    run.state = Run.State.DONE
    stretch.done_runs.append(run)
    stretch.current = None


def _sort(stretch: Stretch) -> bool:
    """Phrases, then the model; below its threshold, or of no type, a person sorts it. Returns whether it is sorted."""
    case = stretch.case
    if case.type_id is not None:  # named by the sender, or by a person
        type_ = stretch.config.types[case.type_id]
        _sorted(stretch, type_, {"by": "named", "confidence": 1.0, **case.sorting})
        return True
    in_use = sorters.sorter(stretch.config.stamp, now=stretch.now)
    text = (
        "\n".join([case.subject, *stretch.messages]) if case.subject not in stretch.messages[0] else stretch.messages[0]
    )
    guess = in_use.model.predict(text, in_use.phrases)
    top = [{"type": g.label, "confidence": round(float(g.confidence), 4)} for g in guess.top]
    sorting = {
        "by": guess.by,
        "phrase": guess.phrase or "",
        "confidence": round(float(guess.confidence), 4),
        "top": top,
    }
    label = stretch.config.types_by_name.get(guess.label) if guess.label else None
    if label is None or label.row.retired:
        draft = Draft()
        why = {"code": "not_sure", "top": top}
        case_transitions.to_triage(draft, actor=CONTROL, sorting=sorting, why=why)
        stretch.entries.extend(draft.entries)
        stretch.changes |= draft.changes
        return False
    _sorted(stretch, label, sorting)
    return True


def _sorted(stretch: Stretch, type_: TypeConfig, sorting: dict[str, Any]) -> None:
    draft = Draft()
    case_transitions.sorted_as(draft, stretch.case, type_.row, actor=CONTROL, sorting=sorting)
    stretch.entries.extend(draft.entries)
    stretch.changes |= draft.changes
    stretch.case.type = type_.row
    stretch.case.facts, stretch.case.steps = {}, {}
    first, finish_by = due_times(type_.row.due, stretch.config.calendars, start=stretch.case.created_at)
    stretch.changes |= {"first_reply_due": first, "finish_due": finish_by, "policy_epoch": stretch.config.epoch}


def _facts(stretch: Stretch, type_: TypeConfig) -> dict[str, Found]:
    found = dict(stretch.finder(given={}).find_all())
    if as_recorded(stretch, type_, found):  # what is this customer's is found under the right number
        found = dict(stretch.finder(given={}).find_all())
    facts = {name: fact.as_json() for name, fact in found.items()}
    stretch.changes["facts"] = facts
    stretch.case.facts = facts
    unknown = [name for name, fact in found.items() if not fact.known]
    required = [n for n in unknown if type_.facts[n].row.required]
    stretch.record(
        "fact.found",
        CONTROL,
        known={n: {"value": facts[n]["value"], "source": facts[n]["source"]} for n in found if found[n].known},
        unknown={n: facts[n]["why"] for n in unknown},
        titles={n: type_.facts[n].row.title for n in found},
        required_missing=required,
    )
    return found


def _route(stretch: Stretch, found: dict[str, Found]) -> None:
    """Re-sort by data, not by words: judged once, after the facts. A person's word beats the data."""
    type_ = stretch.type
    sorting = stretch.changes.get("sorting") or stretch.case.sorting
    if type_ is None or not type_.row.routes or "routed" in sorting or sorting.get("by") == "person":
        return
    finder = stretch.finder(given=found)
    for route in type_.row.routes:
        outcome = conditions.judge(
            route.get("when"), FactLook(finder, {}), zone=stretch.config.zone, currency=stretch.config.company.currency
        )
        to = stretch.config.types_by_name.get(str(route["to"]))
        if outcome.truth is True and to is not None and not to.row.retired and to is not type_:
            compared = [c.as_json() for c in outcome.compared]
            _sorted(stretch, to, {**sorting, "by": "route", "routed": type_.row.name, "compared": compared})
            _facts(stretch, to)
            return
