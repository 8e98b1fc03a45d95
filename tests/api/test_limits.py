"""Limits count each token for itself, say when to come again, and never lose a request because the cache is gone."""

from typing import Any

import pytest
from django.core.cache import cache

from tests.api.program import Program, program
from tests.guarantees import guarantee
from tests.world import World

ASKED = {"source": "customer", "channel": "api", "text": "Where is it?"}


@guarantee("X08", ci=1)
def test_too_many_requests_are_told_when_to_come_again(world: World, intake: Program, settings: Any) -> None:
    settings.API_INTAKE_PER_MINUTE = 3
    codes = [intake.post("requests/", ASKED).status_code for _n in range(5)]
    if codes.count(201) > 3:  # the minute ended between
        codes = [intake.post("requests/", ASKED).status_code for _n in range(5)]
    assert codes[-1] == 429
    answer = intake.post("requests/", ASKED)
    assert answer.json()["code"] == "throttled"
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert program("intake").post("requests/", ASKED).status_code == 201


@guarantee("X08", ci=1)
@pytest.mark.parametrize("path", ["map/", "map/check/", "reports/summary/", "audit/verify/", "audit/cases/{number}/"])
def test_exports_are_limited(world: World, manager: Program, settings: Any, path: str) -> None:
    settings.API_EXPORTS_PER_MINUTE = 1
    address = path.format(number=world.case.number)
    codes = [manager.get(address).status_code for _n in range(3)]
    assert codes[0] == 200
    assert codes[-1] == 429
    assert manager.get("cases/").status_code == 200


def test_a_refused_body_still_counts(world: World, intake: Program, settings: Any) -> None:
    settings.API_INTAKE_PER_MINUTE = 1
    codes = [intake.post("requests/", {}).status_code for _n in range(4)]
    assert codes[-1] == 429


def test_a_dead_cache_stops_no_request(world: World, intake: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_args: Any, **_more: Any) -> Any:
        raise ConnectionError("the cache is gone")

    monkeypatch.setattr(cache, "add", dead)
    assert intake.post("requests/", ASKED).status_code == 201
