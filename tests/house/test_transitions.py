"""A state is set in one place: the tables of allowed moves. Everything else that touches one is found here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from agents import transitions as agent_transitions
from agents.models import Proposal, Run, Write
from approvals import transitions as approval_transitions
from approvals.models import Approval
from cases.clock import database_now
from cases.errors import WrongState
from tests.company import Small, small

ROOT = Path(settings.BASE_DIR)
APPS = ("cases", "agents", "approvals", "orchestrator")
# What may be set elsewhere, and why.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("agents/stretch.py", "run.state"): "what the stretch wants, handed to move_run with the flush",
    ("orchestrator/flow/ending.py", "run.state"): "the same, gathered in memory",
    ("orchestrator/flow/preparing.py", "run.state"): "the same, gathered in memory",
}
OTHER_ROWS = "orchestrator/flow/benchmark/lean.py"  # a trial with tables of its own, beside which cases are measured
STATES = {"status", "state"}


def files() -> Iterator[Path]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts and "demo" not in path.parts:
                yield path


def _set_directly(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """`x.status = …`, and `.update(state=…)` on rows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Attribute) and target.attr in STATES:
                    yield node.lineno, ast.unparse(target)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = {k.arg for k in node.keywords}
            if node.func.attr in ("update", "bulk_update") and named & STATES:
                yield node.lineno, ast.unparse(node)[:80]


def test_a_state_is_set_in_transitions_only() -> None:
    found = []
    for path in files():
        where = path.relative_to(ROOT).as_posix()
        if path.name == "transitions.py" or where == OTHER_ROWS:
            continue
        found += [
            f"{where}:{line} {text}"
            for line, text in _set_directly(ast.parse(path.read_text()))
            if (where, text) not in EXCEPTIONS
        ]
    assert found == [], "set states through transitions.py, or say here why not"


@pytest.fixture
def company(db: None) -> Iterator[Small]:
    with small() as company:
        yield company


def _forbidden(table: dict[str, frozenset[str]]) -> list[tuple[str, str]]:
    states = list(table)
    return [(str(a), str(b)) for a in states for b in states if b not in table[a]]


def test_the_tables_name_every_state() -> None:
    assert set(agent_transitions.WRITE_MOVES) == set(Write.State.values)
    assert set(agent_transitions.RUN_MOVES) == set(Run.State.values)
    assert set(approval_transitions.MOVES) == set(Approval.State.values)
    assert set(agent_transitions.WORST) == set(Write.State.values)
    assert set(Proposal.OPEN) < set(Proposal.State.values)


def test_every_forbidden_move_of_a_write_is_refused(company: Small) -> None:
    case, _approval = company.waiting()
    write = company.write(case)
    for was, to in _forbidden(agent_transitions.WRITE_MOVES):
        with transaction.atomic():
            Write.objects.filter(pk=write.pk).update(state=was, permit_fingerprint="f" * 64)
            row = Write.objects.get(pk=write.pk)
            with pytest.raises(WrongState):
                agent_transitions.move_write(row, to)
            assert Write.objects.get(pk=write.pk).state == was, (was, to)
            transaction.set_rollback(True)  # what is written stays so: the database itself sees to it


def test_every_forbidden_move_of_a_run_is_refused(company: Small) -> None:
    case = company.go(company.receive("outside"))
    run = Run.objects.get(case=case, step="deliver")
    for was, to in _forbidden(agent_transitions.RUN_MOVES):
        Run.objects.filter(pk=run.pk).update(state=was)
        with pytest.raises(WrongState):
            agent_transitions.move_run(Run.objects.get(pk=run.pk), to, now=database_now())
        assert Run.objects.get(pk=run.pk).state == was


def test_every_forbidden_move_of_an_approval_is_refused(company: Small) -> None:
    _case, approval = company.waiting()
    for was, to in _forbidden(approval_transitions.MOVES):
        Approval.objects.filter(pk=approval.pk).update(state=was)
        with pytest.raises(Exception, match=r".") as refused:
            approval_transitions.move(Approval.objects.get(pk=approval.pk), to)
        assert refused.type.__name__ in ("WrongState", "AlreadyDecided")
        assert Approval.objects.get(pk=approval.pk).state == was


def test_a_move_from_a_state_that_passed_is_refused(company: Small) -> None:
    """The write itself is guarded: two who read `waiting` do not both move it."""
    case, approval = company.waiting()
    one, other = company.write(case), company.write(case)
    agent_transitions.move_write(one, "withdrawn")
    with pytest.raises(WrongState):
        agent_transitions.move_write(other, "withdrawn")
    first, second = Approval.objects.get(pk=approval.pk), Approval.objects.get(pk=approval.pk)
    approval_transitions.move(first, "withdrawn")
    with pytest.raises(WrongState):
        approval_transitions.move(second, "decided")
