"""Tells people and teams what waits for them: plans from what is open, reserves, sends. May run twice or late.

Planning is one transaction of one worker; sending is one claimed row after another, with no lock and no open
transaction. Just before a notice is sent, it is looked at again: what is no longer so, or not to be seen, is dropped.
"""

import logging
from collections.abc import Callable
from datetime import datetime, tzinfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, transaction
from django.utils import translation

from approvals.models import Approval
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NoRight
from cases.models import Case
from orchestrator.notices import letters, mailing, planning, selectors, standing, transitions, webhooks
from orchestrator.notices.letters import Letter, Setting
from orchestrator.notices.models import MailChoice, Notice
from orchestrator.notices.planning import Plan
from orchestrator.notices.transitions import Ended

log = logging.getLogger(__name__)
MOST = 300  # sent in one run; the next run, a minute later, goes on


def choose(*, actor: Actor, mode: str) -> None:
    """Keep which mails a person wants. Only for oneself."""
    if not actor.is_person or actor.user_id is None:
        raise NoRight
    MailChoice.objects.update_or_create(user_id=actor.user_id, defaults={"mode": mode})


def tell() -> int:
    """Reserve what is to be told now and send what is ready. Returns how many were sent."""
    plan()
    return send()


def plan() -> None:
    """Make a row for each thing that somebody is to be told now."""
    with transaction.atomic():
        if not transitions.only_one_plans():
            return
        now, zone = database_now(), selectors.zone()
        known = selectors.people()
        for user in known:
            _each(lambda user=user: _plan_person(user, now, zone), user=user.pk)  # type: ignore[misc]
        _each(lambda: standing.plan(now, zone, known))
        for outcome in selectors.outcomes(now, known):
            if selectors.mode_of(outcome.user) != MailChoice.Mode.NONE:
                transitions.reserve([Plan(outcome.item, "outcome")], now=now, user_id=outcome.user.pk)
        for hook in selectors.hooks():
            opened = selectors.open_for_team(hook)
            told = selectors.told(hook.notices.all(), [], now, selectors.HOOK_AGE) if opened else []
            plans = planning.plans_of_hook(opened, told, now=now, zone=zone)
            transitions.reserve(plans, now=now, hook_id=hook.pk)


def _each(do: Callable[[], None], **about: object) -> None:
    """What goes wrong with one person keeps nobody else from being told."""
    try:
        with transaction.atomic():
            do()
    except (OperationalError, InterfaceError):  # the database is away: the next run
        raise
    except Exception:
        log.exception("notices.plan_failed", extra=about)


def _plan_person(user: User, now: datetime, zone: tzinfo) -> None:
    opened = selectors.open_for(user)
    if not opened:
        return
    told = selectors.told(user.notices.all(), [one.item for one in opened], now)
    plans = planning.plans(opened, told, mode=selectors.mode_of(user), now=now, zone=zone)
    transitions.reserve(plans, now=now, user_id=user.pk)


def send(*, most: int = MOST) -> int:
    """Send what is ready. If the mail server is away, mails wait for the next run."""
    sent, mails, zone = 0, True, selectors.zone()
    for _time in range(most):
        row = transitions.claim(database_now(), mails=mails, hooks=True)
        if row is None:
            break
        try:
            how, error = _to_hook(row, zone) if row.hook_id else _to_person(row, zone)
        except (OperationalError, InterfaceError):  # the database is away: the next run
            raise
        except Exception as problem:  # the edge of the worker: the row says so, and the others are still told
            log.exception("notices.failed", extra={"notice": row.pk})
            how, error = "failed", type(problem).__name__
        transitions.settle(row, how, now=database_now(), error=error)
        sent += how == "sent"
        mails = mails and not (how == "not_sent" and row.user_id)
    return sent


# ---------------------------------------------------------------------- to people


def _to_person(row: Notice, zone: tzinfo) -> tuple[Ended, str]:
    user = User.objects.select_related("person", "mail_choice").filter(notices=row, is_active=True).first()
    if user is None or not user.email or _muted(row, user) or _overtaken(row):
        return "dropped", ""
    language = selectors.language_of(user)
    with translation.override(language):
        letter = _letter(row, user, Setting(language, database_now(), zone))
        return mailing.send(letter, to=user.email, notice=row.pk) if letter else ("dropped", "")


def _muted(row: Notice, user: User) -> bool:
    """What was passed up or is overdue cannot be muted."""
    cannot = row.kind.startswith(("due:", "passed_up:"))
    return not cannot and selectors.mode_of(user) == MailChoice.Mode.NONE


def _overtaken(row: Notice) -> bool:
    """Something newer about the same was made while this one could not be sent. Lateness is told of each ask.

    By the time of reserving: a row that was dropped and is taken up again is the newest, however old its number.
    """
    newer = Notice.objects.filter(user=row.user_id, item=row.item, reserved_at__gt=row.reserved_at)
    return not row.kind.startswith("due:") and newer.exists()


def _letter(row: Notice, user: User, at: Setting) -> Letter | None:
    """What the notice says now; None if it is no longer so, or not for this person to see."""
    what, _colon, key = row.item.partition(":")
    if row.kind == "outcome":
        return _of_outcome(key, user, at)
    if what == "approval":
        return _of_approval(key, row, user, at)
    if what == "standing":
        return standing.letter(key, user, at)
    if what == "case":
        case = selectors.handed(user).filter(pk=key).first()
        same = case is not None and selectors.open_case(case).kind == row.kind
        return letters.of_case(case, selectors.open_case(case).due, at) if case and same else None
    return _of_digest(row, user, at)


def _of_approval(key: str, row: Notice, user: User, at: Setting) -> Letter | None:
    approval = selectors.waiting(user).filter(pk=key).first()
    if approval is None:
        return None
    mine = selectors.asks_of(approval.asked.all(), set(user.groups.values_list("pk", flat=True)))
    return letters.of_approval(approval, row.kind, mine, at)


def _of_outcome(key: str, user: User, at: Setting) -> Letter | None:
    seen = Approval.objects.visible_to(user).filter(pk=key, state=Approval.State.DECIDED)
    approval = seen.select_related("case__type", "proposal").first()
    decisions = list(approval.decisions.filter(undone_at=None)) if approval else []
    return letters.of_outcome(approval, decisions, at) if approval and decisions else None


def _of_digest(row: Notice, user: User, at: Setting) -> Letter | None:
    """Of what it was made for, only what is still open."""
    approvals = list(selectors.waiting(user).filter(pk__in=_keys(row, "approval:")))
    cases: list[Case] = list(selectors.handed(user).filter(pk__in=_keys(row, "case:")))
    if not approvals and not cases:
        return None
    return letters.of_digest(approvals, cases, {case.pk: selectors.open_case(case).due for case in cases}, at)


def _keys(row: Notice, prefix: str) -> list[str]:
    return [item.removeprefix(prefix) for item in row.items if item.startswith(prefix)]


# ---------------------------------------------------------------------- to channels


def _to_hook(row: Notice, zone: tzinfo) -> tuple[Ended, str]:
    hook = selectors.hook_of(row)
    if hook is None:
        return "dropped", ""
    opened = selectors.open_for_team(hook)
    if not set(row.items) & {one.item for one in opened}:
        return "dropped", ""
    dues = [one.due for one in opened if one.due]
    with translation.override(hook.language):
        due = letters.due_words(min(dues), Setting(hook.language, database_now(), zone)) if dues else ""
    link = f"{settings.PUBLIC_URL}/approvals/"
    return webhooks.send(hook, webhooks.words_for(hook, len(opened), due), link)
