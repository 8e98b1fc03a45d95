"""Schemathesis over the OpenAPI document, as four kinds of token, with all its checks and phases: no server error, no
answer that the document does not name, no ignored authentication (guarantee F01)."""

import copy
import threading
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from orchestrator.api import waiting
from orchestrator.api.views.documents import document
from tests.api.program import program
from tests.guarantees import Size, guarantee
from tests.world import World, build

pytestmark = pytest.mark.beside

WHO: dict[str, tuple[str, ...]] = {
    "person": ("staff", "decide"),
    "team": ("read",),
    "agent": ("agent",),
    "shop": ("intake",),
}
CHECKS = {
    # Names of types, cases and operations are the map's, and states are the case's: no document can say which fit.
    # 400: U+0000 deep inside a form or in arguments, which no schema of a free object can forbid.
    "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401", "403", "404", "409", "422"]},
    # What is wrong twice is refused for the first of it: a token of another kind, a case that is not there.
    "negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "405", "409", "413", "415", "422"]},
}


# Random ones an operation; examples, edge cases and stateful runs come on top.
@guarantee("F01", ci=50, release=1_000, seconds=1_800)
# Three on every run; a team's token reads what a person's reads as well.
@pytest.mark.parametrize("who", [pytest.param(n, marks=pytest.mark.release) if n == "team" else n for n in WHO])
def test_a_fuzzer_finds_no_lie_and_no_server_error(
    transactional_db: None, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, who: str, size: Size
) -> None:
    settings.API_INTAKE_PER_MINUTE = settings.API_EXPORTS_PER_MINUTE = 1_000_000
    monkeypatch.setattr(waiting, "_places", threading.Semaphore(0))  # every place to wait is taken: answered at once
    world = build()
    world.case.runs.create(step="work_out", agent=world.finance, turn=world.case.turn, started_at=world.now)
    owner = {"person": {"user": world.manager}, "team": {"team": world.support}, "agent": {"agent": world.finance}}
    token = program(*WHO[who], **owner.get(who, {}))
    tried, problems = run(with_real_names(world), live_server.url, token.secret, size.number)
    size.tried += tried
    assert not problems, "\n\n".join(problems[:10])
    assert tried >= 4 * min(size.number, 10) * len(document()["paths"])


def run(described: dict[str, Any], address: str, secret: str, cases: int) -> tuple[int, list[str]]:
    """How many requests were sent, and each failure and error as text."""
    config = SchemathesisConfig.from_dict(
        {
            "base-url": address,
            "headers": {"Authorization": f"Bearer {secret}"},
            "checks": CHECKS,
            "generation": {"max-examples": cases, "database": "none", "deterministic": True},
            "workers": 1,
        }
    )
    schema = schemathesis.openapi.from_dict(described, config=config)
    tried, problems = 0, []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            tried += len(event.recorder.cases)
            if event.status in {Status.FAILURE, Status.ERROR}:
                problems += told(event)
        elif isinstance(event, events.NonFatalError):
            problems.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return tried, problems


def told(event: events.ScenarioFinished) -> list[str]:
    found = []
    for checks in event.recorder.checks.values():
        for check in checks:
            if check.status == Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info
                found.append(f"{event.recorder.label} {check.name}: {failure.failure}\n{failure.code_sample}"[:1500])
    return found


def with_real_names(world: World) -> dict[str, Any]:
    """The document with the names of this world, so that the fuzzer comes further than to the first 404."""
    made = copy.deepcopy(document())
    known = {"number": [world.case.number, "C-999999"], "name": ["work_out"], "standing_id": [str(world.standing.pk)]}
    for path, operations in made["paths"].items():
        ids = [str(world.proposal.pk)] if "proposals" in path else [str(world.approval.pk)]
        for operation in operations.values():
            for part in operation["parameters"]:
                if part["in"] == "path":
                    part["schema"] = {"type": "string", "enum": (known | {"id": ids})[part["name"]]}
    return made
