"""Schemathesis over the OpenAPI document, as four kinds of token: no server error, no answer that the document does not
name, no ignored authentication (guarantee F01)."""

import copy
import os
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from orchestrator.api.views.documents import document
from tests.api.program import program
from tests.world import World, build

EXAMPLES = int(os.environ.get("FUZZ_CASES", "50"))  # cases an operation
CHECKS = {
    # Names of types, cases and operations are the map's, and states are the case's: no document can say which fit.
    "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]},
    # A body that is too large is refused as such, whatever else is wrong with it.
    "negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "405", "409", "413", "415", "422"]},
}
some = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def loaded(world: World, limits: Any) -> Any:
    """The document with the names of this world, so that the fuzzer comes further than to the first 404."""
    limits.API_INTAKE_PER_MINUTE = limits.API_EXPORTS_PER_MINUTE = 1_000_000
    made = copy.deepcopy(document())
    known = {
        "number": [world.case.number, "C-999999"],
        "name": ["work_out", "reply"],
        "standing_id": [str(world.standing.pk)],
    }
    for path, operations in made["paths"].items():
        ids = [str(world.proposal.pk)] if "proposals" in path else [str(world.approval.pk)]
        for operation in operations.values():
            for part in operation["parameters"]:
                if part["in"] == "path":
                    part["schema"] = {"type": "string", "enum": (known | {"id": ids})[part["name"]]}
                if part["name"] == "wait":
                    part["schema"] |= {"maximum": 0}
    schema = schemathesis.openapi.from_dict(made, config=SchemathesisConfig.from_dict({"checks": CHECKS}))
    schema.app = WSGIHandler()
    return schema


@pytest.fixture
def world(transactional_db: None) -> World:
    made = build()
    made.case.runs.create(step="work_out", agent=made.finance, turn=made.case.turn, started_at=made.now)
    return made


@pytest.fixture
def as_person(world: World, settings: Any, request: Any) -> Any:
    request.node.secret = program("staff", "decide", user=world.manager).secret
    return loaded(world, settings)


@pytest.fixture
def as_team(world: World, settings: Any, request: Any) -> Any:
    request.node.secret = program("read", team=world.support).secret
    return loaded(world, settings)


@pytest.fixture
def as_agent(world: World, settings: Any, request: Any) -> Any:
    request.node.secret = program("agent", agent=world.finance).secret
    return loaded(world, settings)


@pytest.fixture
def as_shop(world: World, settings: Any, request: Any) -> Any:
    request.node.secret = program("intake").secret
    return loaded(world, settings)


person = schemathesis.pytest.from_fixture("as_person")
team = schemathesis.pytest.from_fixture("as_team")
agent = schemathesis.pytest.from_fixture("as_agent")
shop = schemathesis.pytest.from_fixture("as_shop")


@person.parametrize()
@some
def test_a_person_finds_no_lie(case: Any, request: Any) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {request.node.secret}"})


@team.parametrize()
@some
def test_a_team_finds_no_lie(case: Any, request: Any) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {request.node.secret}"})


@agent.parametrize()
@some
def test_an_agent_finds_no_lie(case: Any, request: Any) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {request.node.secret}"})


@shop.parametrize()
@some
def test_a_shop_finds_no_lie(case: Any, request: Any) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {request.node.secret}"})
