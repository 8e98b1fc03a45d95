"""Sends calls to systems through their connectors, one circuit breaker a system. The only caller of connectors.

Nobody calls this but the gate's readers and the executor: whoever wants a system asks the gate first.
"""

import os
import random
from collections.abc import Mapping
from threading import Lock
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from agents.connectors import Answer, Connector, OperationSpec, SystemSpec, connector_for
from agents.connectors.breaker import Breaker, decide, event_of
from agents.models import Operation, System, SystemHealth

PROBED = 5.0  # seconds until the probe that is under way will mostly have been answered

_connectors: dict[tuple[int, int, str], Connector] = {}
_breakers: dict[int, Breaker] = {}
_lock = Lock()


def ask(operation: Operation, arguments: Mapping[str, Any], *, effect_key: str | None = None) -> Answer:
    """One call to the operation's system: reads may be tried again inside, writes are sent once. Never raises."""
    system = operation.system
    if held_back := _held_back(system):
        words = _("%(system)s has not answered for a while and is left alone for some minutes.")
        return Answer(
            ok=False,
            outcome="failed" if operation.kind == "read" else "not_sent",
            error=words % {"system": system.shown},
            retryable=True,
            retry_after=held_back,
            held_back=True,
        )
    spec = OperationSpec(operation.name, operation.kind, operation.call, effect_key_of(operation), operation.arguments)
    try:
        connector = _connector(system)
    except ValueError as problem:
        return Answer(ok=False, outcome="failed" if operation.kind == "read" else "not_sent", error=str(problem))
    if operation.kind == "read":
        answer = connector.look_up(spec, arguments)
    else:
        answer = connector.call(spec, arguments, effect_key=effect_key)
    _learn(system, answer)
    return answer


def effect_key_of(operation: Operation) -> Mapping[str, Any] | None:
    """How the effect key is sent, where the system takes one (`header` or `argument`); None otherwise."""
    key = operation.effect_key
    return key if isinstance(key, Mapping) and ("header" in key or "argument" in key) else None


def spec_of(system: System) -> SystemSpec:
    return SystemSpec(
        name=system.name,
        title=system.shown,
        connector=system.connector,
        url=address_of(system),
        auth=system.auth,
        private_network=system.private_network,
        timeout=system.timeout_seconds,
        answer=system.answer,
    )


def address_of(system: System) -> str:
    """The system's address; `env:NAME` stands for an address that differs from machine to machine."""
    if system.url.startswith("env:"):
        return os.environ.get(system.url.removeprefix("env:"), "")
    return system.url


def _connector(system: System) -> Connector:
    key = (system.pk, system.version, address_of(system))
    with _lock:
        if key not in _connectors:
            for old in [k for k in _connectors if k[0] == system.pk]:
                del _connectors[old]
            _connectors[key] = connector_for(spec_of(system))
        return _connectors[key]


def _held_back(system: System) -> float:
    """Seconds for which the system is left alone; 0 if this call may pass (and then it may be the probe)."""
    now = timezone.now()
    with _lock:
        state = _breakers.get(system.pk, Breaker())
        decision = decide(state, "ask", now=now, random=random.random)
        _breakers[system.pk] = decision.state
        if decision.allowed or state.open_until is None:
            return 0.0
        left = max(state.open_until - now.timestamp(), 0.1)
        return min(left, PROBED) if state.probing else left


def _learn(system: System, answer: Answer) -> None:
    event = event_of(answer)
    if event is None:
        return
    with _lock:
        state = _breakers.get(system.pk, Breaker())
        decision = decide(state, event, now=timezone.now(), random=random.random)
        _breakers[system.pk] = decision.state
    if decision.state.is_closed != state.is_closed:  # seldom: when it opens and when it closes
        SystemHealth.objects.update_or_create(
            system_id=system.pk, defaults={"breaker": decision.state.stored(), "checked_at": timezone.now()}
        )
