"""Whether a decision needs a second factor of its own, and whether one was given freshly enough.

The company says from which risk on, a team for all that it decides. A passkey or a one-time code counts for as long as
the company says, in the session in which it was given; a recovery code does not count, nor does a token.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from agents.configuration import Configuration
from approvals.errors import StepUpNeeded
from approvals.models import Approval
from cases.actors import Actor
from cases.errors import NoRight
from cases.models.config import Risk


@dataclass(frozen=True, slots=True)
class Proof:
    """A second factor that was given: `totp` or `webauthn`, and when, by the database's clock."""

    method: str
    at: datetime


def needed(config: Configuration, teams: Iterable[str], risk: str) -> bool:
    """Whether a decision of this risk, asked of (or given for) one of `teams`, needs a second factor. Pure."""
    from_risk = config.company.step_up
    if from_risk and Risk.values.index(risk) >= Risk.values.index(from_risk):
        return True
    return any(config.teams[name].step_up for name in teams if name in config.teams)


def fresh(config: Configuration, proof: Proof | None, now: datetime) -> bool:
    """Whether it still counts at `now`; one from the future never does. Pure."""
    if proof is None:
        return False
    return timedelta() <= now - proof.at <= timedelta(seconds=config.company.step_up_seconds)


def check(
    actor: Actor, approval: Approval, team: str, risk: str, config: Configuration, proof: Proof | None, now: datetime
) -> Proof | None:
    """The proof that counts for this decision, of this risk and as one of `team`; None if it needs none.

    Raises `StepUpNeeded`, and `NoRight` for a token. The last check of a decision: who is asked for a code has given a
    whole answer.
    """
    teams = [team]
    if any(one.step_up for one in config.teams.values()):
        teams += approval.asked.filter(closed=False).values_list("team__name", flat=True)
    return _counts(actor, config, proof, now) if needed(config, teams, risk) else None


def check_standing(actor: Actor, config: Configuration, proof: Proof | None, now: datetime) -> Proof | None:
    """The same for a standing approval, which may cover any risk: needed where any decision of this person is."""
    own = actor.user.groups.values_list("team__name", flat=True) if actor.user else []
    asked = bool(config.company.step_up) or needed(config, own, Risk.LOW)
    return _counts(actor, config, proof, now) if asked else None


def _counts(actor: Actor, config: Configuration, proof: Proof | None, now: datetime) -> Proof | None:
    if actor.token_name:
        words = _("This needs a passkey or a one-time code: decide it in the browser, not with a token.")
        raise NoRight(f"{words} {_('Nothing was decided.')}", reason="step_up")
    if not fresh(config, proof, now):
        raise StepUpNeeded
    return proof
