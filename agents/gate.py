"""The gate: may this actor call this operation with these arguments for this case now? It fails closed.

Order: pause, what people left to the AI, actor active, open run in this turn, grant (operation, dates, limits),
argument schema, case scope.
What comes back passes the field filter (`answer`). It is the only way to a system for agents and for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import schemas
from agents.configuration import Configuration
from agents.errors import BadArguments, Refused
from agents.facts import FactFinder, kept
from agents.fields import keep_fields
from agents.glance import Glance
from agents.history import Places, lock_subjects
from agents.models import Agent, Grant, Operation, Switch
from agents.money import names
from cases import rows
from cases.actors import Actor
from cases.errors import TurnPassed
from cases.models import Case
from cases.values import UNKNOWN, dig


@dataclass(frozen=True)
class Pass:
    """The gate's yes: the operation, the arguments, and the grant that fields and limits come from."""

    operation: Operation
    arguments: Mapping[str, Any]
    grant: Grant | None


@dataclass
class Gate:
    """The gate for one case. `finder` knows the case's facts and reads record owners as the control layer."""

    config: Configuration
    case: Case
    finder: FactFinder
    now: datetime
    agent: Agent | None = None
    step: str = ""
    glance: Glance | None = None

    def check(self, actor: Actor, name: str, arguments: Mapping[str, Any], *, turn: int) -> Pass:
        """Pass or raise `Refused` (with `reason`), `BadArguments`, `TurnPassed`. Nothing is sent."""
        operation = self.config.operations.get(name)
        self._not_paused(operation)
        self._not_watching(operation)
        self._active(actor)
        if turn != self.case.turn:
            raise TurnPassed()
        if operation is None or operation.suspended:
            raise self._refused("grant", _("There is no operation %(name)s that may be called.") % {"name": name[:120]})
        grant = self._grant(operation)
        problems = schemas.check(operation.arguments, arguments)
        if problems:
            raise BadArguments(
                _("%(name)s was not called. %(why)s") % {"name": operation.name, "why": " ".join(problems)},
                fields={"arguments": problems},
            )
        self.in_scope(operation, arguments)
        return Pass(operation, dict(arguments), grant)

    def answer(self, allowed: Pass, answer: Any) -> Any:
        """What of a system's answer reaches the caller: this case's items, and the granted fields."""
        where = {str(v): self._scope_value(str(v)) for v in allowed.operation.keep.get("where", {}).values()}
        seen = kept(allowed.operation, answer, self.case, where)
        if allowed.grant is not None:
            return keep_fields(seen, allowed.grant.fields)
        return seen

    # ------------------------------------------------------------------ one question each

    def _not_paused(self, operation: Operation | None) -> None:
        """A pause stops agents' calls, not people's."""
        if self.agent is None:
            return
        switch = paused(self.case, self.agent, operation.system.name if operation else None, glance=self.glance)
        if switch is not None:
            raise self._refused("paused", pause_words(switch))

    def _not_watching(self, operation: Operation | None) -> None:
        """Who handed the case back may have kept the writing: then an agent reads, and a person goes on."""
        if self.agent is None or operation is None or not operation.is_write:
            return
        if self.case.ai_may == Case.AiMay.WATCH:
            raise self._refused("watch", _("The AI may only watch this case; people do the writing."))

    def _active(self, actor: Actor) -> None:
        if self.agent is not None and (not self.agent.active or self.agent.retired):
            raise self._refused("grant", _("The agent %(name)s is not active.") % {"name": self.agent.name})
        if actor.is_person and (actor.user is None or not actor.user.is_active):
            raise self._refused("grant", _("This account is not active."))

    def _grant(self, operation: Operation) -> Grant | None:
        """The grant that allows it; None for a person, whose right is the work on the case."""
        if self.agent is None:
            return None
        grant, why = granted(self.config, self.case, self.agent, operation, self.step, self.now)
        if grant is None:
            raise self._refused("grant", why)
        return grant

    def in_scope(self, operation: Operation, arguments: Mapping[str, Any]) -> None:
        """Whether the call touches only records of this case. Levels 2 to 4 must say by which arguments."""
        key = operation.case_key
        if operation.level == "reference" or key == "none":
            return
        if not isinstance(key, Mapping):
            if operation.keep and not operation.is_write:  # a list or search whose answer is filtered instead
                return
            raise self._refused("scope", _("%(name)s does not say which record it touches.") % {"name": operation.name})
        for argument, source in key.items():
            value = dig(arguments, argument)
            if value is UNKNOWN:
                raise self._refused("scope", _("%(argument)s is missing.") % {"argument": argument})
            if not self._belongs(argument, value, source, arguments):
                raise self._refused(
                    "scope",
                    _("%(argument)s is not a record of this case, so %(name)s was not called.")
                    % {"argument": argument, "name": operation.name},
                )

    def _belongs(self, argument: str, value: Any, source: Any, arguments: Mapping[str, Any]) -> bool:
        if isinstance(source, Mapping):
            expected = self._scope_value(str(source["is"]))
            return expected is not UNKNOWN and self._owner(source, argument, value, arguments) == str(expected)
        expected = self._scope_value(str(source))
        if expected is UNKNOWN or expected is None:
            return False
        if isinstance(expected, list):
            return any(_same(value, item) for item in expected)
        return _same(value, expected)

    def _owner(self, source: Mapping[str, Any], argument: str, value: Any, arguments: Mapping[str, Any]) -> str | None:
        """Whose record it is, read from the system by the control layer: the record that `argument` names.

        An argument that the look-up knows under another name goes in its first place, whatever else an agent sent.
        """
        operation = self.config.operations.get(str(source["look_up"]))
        if operation is None:
            return None
        names = operation.arguments.get("properties", {})
        required = operation.arguments.get("required") or list(names)
        given = {name: arguments[name] for name in names if name in arguments}
        if argument not in names and required:
            given[required[0]] = value
        worked, answer, _why = self.finder.read(operation, given, "owner")
        owner = dig(answer, str(source["path"])) if worked else UNKNOWN
        return None if owner is UNKNOWN or owner is None else str(owner)

    def _scope_value(self, name: str) -> Any:
        """A bound value by name: `request.customer`, `request.contact`, a bound fact or a path in one."""
        if name == "request.customer":
            return self.case.customer or UNKNOWN
        if name == "request.contact":
            return self.case.contact or UNKNOWN
        root, _dot, path = name.partition(".")
        found = self.finder.find(root)
        if not found.known or not found.bound:
            return UNKNOWN
        return dig(found.value, path) if path else found.value

    def _refused(self, reason: str, words: str) -> Refused:
        return Refused(words, reason=reason)


def _same(value: Any, expected: Any) -> bool:
    """Equal as identifiers: "88213" and 88213 name the same record, True and 1 do not."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    return str(value) == str(expected)


def granted(
    config: Configuration, case: Case, agent: Agent, operation: Operation, step: str, now: datetime
) -> tuple[Grant | None, str]:
    """The grant by which this agent may call this operation in this step now; if none, why in words."""
    if case.operations is not None and operation.name not in case.operations:
        return None, _("The request allows only some operations; this is not among them.")
    type_ = config.type_of(case)
    narrowed = type_.operations_of(step) if type_ else None
    if narrowed is not None and operation.name not in narrowed:
        return None, _("The step %(step)s may not call %(name)s.") % {"step": step, "name": operation.name}
    grant, ended = valid_grant(config, case, agent, operation, step, now)
    if grant is not None:
        return grant, ""
    why = _("ended") if ended else _("missing")
    words = _("%(agent)s has no grant for %(name)s here (%(why)s).")
    return None, words % {"agent": agent.name, "name": operation.name, "why": why}


def valid_grant(
    config: Configuration, case: Case, agent: Agent, operation: Operation, step: str, now: datetime
) -> tuple[Grant | None, bool]:
    """(the grant that covers this type and step today, whether there are only ended ones or ones to come)."""
    grants = config.grants.get((agent.pk, operation.pk), ())
    today = now.astimezone(config.zone).date()
    type_ = config.type_of(case)
    type_name = type_.row.name if type_ else ""
    valid = [g for g in grants if (g.since is None or g.since <= today) and today <= g.until]
    for grant in valid:
        if (not grant.types or type_name in grant.types) and (not grant.steps or step in grant.steps):
            return grant, False
    return None, bool(grants) and not valid


def paused(
    case: Case, agent: Agent, system: str | None, *, share: bool = False, glance: Glance | None = None
) -> Switch | None:
    """The switch that stops this agent on this case now, if any. `share`: hold the rows against a pause meanwhile.

    A fresh `glance` that shows none of them paused is asked no further.
    """
    wanted = _wanted(case, agent, system)
    if glance is not None and glance.is_fresh and glance.off.isdisjoint(f"{scope}:{name}" for scope, name in wanted):
        return None
    found = _for_share(wanted) if share else switches(case, agent, system)
    return next((row for row in found if row.paused), None)


def switches(case: Case, agent: Agent, system: str | None = None) -> list[Switch]:
    """The switches that stop this agent on this case, paused or not."""
    wanted = _wanted(case, agent, system)
    found = Switch.objects.filter(scope__in={s for s, _n in wanted}, name__in={n for _s, n in wanted})
    return [row for row in found if (row.scope, row.name) in wanted]


def _wanted(case: Case, agent: Agent, system: str | None) -> list[tuple[str, str]]:
    wanted = [("all", ""), ("agent", agent.name)]
    wanted += [("type", case.type.name)] if case.type is not None else []
    return wanted + ([("system", system)] if system is not None else [])


def _for_share(wanted: list[tuple[str, str]]) -> list[Switch]:
    """FOR SHARE is not in Django's ORM; pausing waits for the transactions that hold it, and they see it after."""
    assert transaction.get_connection().in_atomic_block  # noqa: S101  # a lock outside a transaction holds nothing
    marks = ", ".join(["(%s, %s)"] * len(wanted))
    query = f"SELECT * FROM agents_switch WHERE (scope, name) IN ({marks}) ORDER BY id FOR SHARE"  # noqa: S608  # marks only
    return list(Switch.objects.raw(query, [part for pair in wanted for part in pair]))


def pause_words(switch: Switch) -> str:
    what = {
        "all": _("All AI is paused"),
        "agent": _("The agent %(name)s is paused"),
        "type": _("AI is paused for %(name)s"),
        "system": _("AI calls to %(name)s are paused"),
    }[switch.scope] % {"name": switch.name}
    return _("%(what)s (%(by)s: %(reason)s).") % {"what": what, "by": switch.by, "reason": switch.reason}


def over_limit(grant: Grant, *, case: Case, money: Any, now: datetime, leave_out: tuple[Any, ...], zone: Any) -> str:
    """Which limit of the grant one more write would break, in words; '' for none.

    `money` in the company's currency: None if none moves, UNKNOWN if it cannot be told (then no limit in money holds).
    """
    limits = grant.limits
    if not limits:
        return ""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    operations = (grant.operation_id,)
    if limits.get("per_case") is not None:
        n = Places(operations, case_id=case.pk, agent_id=grant.agent_id, leave_out=leave_out).count()
        if n >= limits["per_case"]:
            return _("at most %(n)s a case") % {"n": limits["per_case"]}
    if limits.get("per_day") is not None or limits.get("amount_per_day") is not None:
        n, total = Places(operations, agent_id=grant.agent_id, since=midnight, leave_out=leave_out).count_and_sum()
        if limits.get("per_day") is not None and n >= limits["per_day"]:
            return _("at most %(n)s a day") % {"n": limits["per_day"]}
        most = limits.get("amount_per_day")
        if most is not None and (money is UNKNOWN or total + (money or 0) > most):
            return _("at most %(n)s in money a day") % {"n": most}
    return ""


def limited_money(operation: Operation, arguments: Mapping[str, Any], money: Any, currency: str, company: str) -> Any:
    """What a write's money counts for a limit: UNKNOWN for another currency, or an amount that is there but odd."""
    if money is not None:
        return money if currency in ("", company) else UNKNOWN
    spec = operation.money
    if spec is None:
        return None
    return UNKNOWN if isinstance(spec, Mapping) or names(arguments, str(spec)) else None


def take_place(
    grant: Grant, operation: Operation, *, case: Case, money: Any, now: datetime, leave_out: tuple[Any, ...], zone: Any
) -> None:
    """Raise `Refused` if one more write is over the grant's limits. In the transaction that makes the place.

    Holds the grant's row of `Subject` until the commit, so that two at once cannot both take the last place.
    """
    if not grant.limits:
        return
    rows.send()  # places that this transaction took before are counted too
    lock_subjects([f"grant:{grant.pk}"])
    why = over_limit(grant, case=case, money=money, now=now, leave_out=leave_out, zone=zone)
    if why:
        raise used_up(operation, why)


def used_up(operation: Operation, why: str) -> Refused:
    words = _("The grant for %(name)s is used up: %(why)s. Nothing was done.") % {"name": operation.name, "why": why}
    return Refused(words, reason="limit")
