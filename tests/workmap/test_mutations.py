"""Maps with something changed in them at random: refused with lines, or loaded whole and given back the same (F05)."""

# one case a row, one record a line

import copy
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.models import Operation
from cases.actors import Actor
from cases.models import Company, Event
from orchestrator.workmap import services
from orchestrator.workmap.dumping import the_map
from orchestrator.workmap.errors import Refused
from tests.guarantees import Size, guarantee
from tests.workmap.maps import of, shop

BY = Actor("control", "test")
ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**20, "", " ", "x", "no", "none", "a.b", "{x}", "{request.contact}", "(a+)+$", "退款",
    [], {}, [None], {"en": "x"}, {"all": []}, {"x": {"y": {"z": []}}}, "30m", "-30m", "2027-02-30", "1" * 500, "x\u2028y",
    "__import__('os')", "payments.refund", "refund", "heads", [["x"]], {"type": "object"}, {"$ref": "#"},
]  # fmt: skip


def spots(thing: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    return [spot for key, value in inner for spot in [(*at, key), *spots(value, (*at, key))]]


SPOTS = spots(shop())


def mutated(spot: tuple[Any, ...], how: str, value: Any) -> Any:
    whole = shop()
    around = whole
    for part in spot[:-1]:
        around = around[part]
    if how == "replace":
        around[spot[-1]] = copy.deepcopy(value)
    elif how == "drop":
        del around[spot[-1]]
    elif isinstance(around, list):
        around.append(copy.deepcopy(around[spot[-1]]))
    else:
        around[f"{spot[-1]}x"] = around.pop(spot[-1])
    return whole


def refused_or_whole(whole: Any) -> None:
    """Refused with a line for every problem and nothing done; or loaded, given back the same, and done once."""
    try:
        text = of(whole)
        with transaction.atomic():
            services.load(actor=BY, text=text)
            assert the_map() == text.value
            assert services.load(actor=BY, text=text).words == []
            transaction.set_rollback(True)
    except Refused as refused:
        assert refused.lines and all(line.startswith(("line ", "and ")) for line in refused.lines), refused.lines
    assert not Company.objects.exists() and not Operation.objects.exists() and not Event.objects.exists()


changed = given(
    spot=st.sampled_from(SPOTS),
    how=st.sampled_from(["replace", "replace", "drop", "other"]),
    value=st.sampled_from(ODD),
)
calm = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@guarantee("F05", ci=50, release=1_000)
def test_a_changed_map_is_refused_or_loaded_whole(db: None, size: Size) -> None:
    @settings(max_examples=size.number, derandomize=not size.release, **calm)  # type: ignore[arg-type]
    @changed
    def each(spot: Any, how: str, value: Any) -> None:
        size.tried += 1
        refused_or_whole(mutated(spot, how, value))

    each()
