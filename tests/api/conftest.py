"""The cast, and programs with a token of each kind."""

from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from agents.models import Run, StepWork
from cases.models import Step
from tests.api.program import Program, program
from tests.world import World, build


@pytest.fixture(autouse=True)
def _empty_cache() -> Any:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def world(db: None) -> World:
    return build()


@pytest.fixture
def intake(world: World) -> Program:
    return program("intake", name="shop")


@pytest.fixture
def frontline(world: World) -> Program:
    return program("staff", user=world.frontline)


@pytest.fixture
def manager(world: World) -> Program:
    return program("staff", "decide", user=world.manager)


@pytest.fixture
def reader(world: World) -> Program:
    return program("read", team=world.support)


@pytest.fixture
def stranger(world: World) -> Program:
    """Sees nothing of the refund cases, whatever it tries."""
    return program("staff", "decide", "read", "intake", user=world.outsider)


@pytest.fixture
def agent(world: World) -> Program:
    """The finance agent as an outside program, with an open step in the case."""
    Run.objects.create(
        case=world.case, step="work_out", agent=world.finance, turn=world.case.turn, started_at=timezone.now()
    )
    return program("agent", agent=world.finance)


@pytest.fixture
def idle_agent(world: World) -> Program:
    return program("agent", agent=world.idle)


def step_of(world: World, name: str, agent: Any) -> StepWork:
    """A step of the refund type that `agent` does."""
    step, _made = Step.objects.get_or_create(type=world.refund, name=name)
    work, _made = StepWork.objects.update_or_create(step=step, defaults={"agent": agent})
    return work
