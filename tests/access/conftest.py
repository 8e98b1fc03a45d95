"""The cast, and the same kind of case in another team: what is foreign to everybody but the outsider."""

from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache
from guardian.shortcuts import assign_perm

from agents.models import Run
from cases.models import Team
from tests.world import World, _type, add_approval, add_case_row, build


@pytest.fixture(autouse=True)
def _empty_cache() -> Any:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def world(db: None) -> World:
    """The company, with an open step of the finance agent in its case."""
    made = build()
    _open_step(made)
    return made


@pytest.fixture
def elsewhere(world: World) -> World:
    """The world of the warehouse: its own type, case, proposal and approval."""
    warehouse = Team.objects.get(name="warehouse")
    stock = _type("stock", "Stock", warehouse, warehouse)
    there = replace(world, support=warehouse, managers=warehouse, refund=stock)
    there.case = add_case_row(stock, world.now, subject="Pallet missing", contact="+85290000000")
    there.proposal, there.writes, there.approval = add_approval(there, there.case)
    there.proposal.proposer_agent = None  # an agent may follow what it proposed itself, wherever the case went
    there.proposal.save()
    there.approval.asks[0]["team"] = warehouse.name
    there.approval.save()
    return there


def _open_step(world: World) -> None:
    Run.objects.create(
        case=world.case, step="work_out", agent=world.finance, turn=world.case.turn, started_at=world.now
    )
    assign_perm("cases.see", world.auditor, world.refund)
