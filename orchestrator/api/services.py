"""What can be asked about tokens: make one, revoke one. Both leave an event in the company's chain."""

import secrets
import string
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect
from cases.ledger import Entry, append_company
from orchestrator.api.auth import PREFIX_LENGTH, hash_of
from orchestrator.api.models import ApiToken, IdempotentCall

KEPT_HOURS: Final = 48  # keys live at least 24 hours (contracts.md); a day more costs nothing
MOST_DAYS: Final = 730
_LETTERS = string.ascii_letters + string.digits


def create_token(
    *,
    actor: Actor,
    name: str,
    scopes: Sequence[str],
    agent: Any = None,
    user: Any = None,
    team: Any = None,
    trusted_identity: bool = False,
    days: int = 90,
) -> tuple[ApiToken, str]:
    """A new token and its text, which is stored nowhere. Raises `Incorrect` when scopes and owners do not
    fit.
    """
    scopes = sorted(set(scopes))
    _check(name, scopes, agent, user, team, trusted_identity, days)
    secret = f"wc_{_random(8)}_{_random(40)}"
    now = database_now()
    with transaction.atomic():
        token = ApiToken.objects.create(
            name=name,
            prefix=secret[:PREFIX_LENGTH],
            hash=hash_of(secret),
            scopes=scopes,
            agent=agent,
            user=user,
            team=team,
            trusted_identity=trusted_identity,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        append_company([Entry("token.created", actor, _told(token))], now=now)
    return token, secret


def revoke_token(*, actor: Actor, token_id: int) -> ApiToken:
    """The token is refused from its next call on. Revoking it again changes nothing."""
    now = database_now()
    with transaction.atomic():
        token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token_id)
        if token.revoked_at is None:
            token.revoked_at, token.revoked_by = now, actor.label
            token.save(update_fields=["revoked_at", "revoked_by"])
            append_company([Entry("token.revoked", actor, _told(token))], now=now)
    return token


def forget_old_calls() -> int:
    """Drop calls under keys that are older than `KEPT_HOURS`; returns how many."""
    before = database_now() - timedelta(hours=KEPT_HOURS)
    return IdempotentCall.objects.filter(created_at__lt=before).delete()[0]


def _check(name: str, scopes: Sequence[str], agent: Any, user: Any, team: Any, trusted: bool, days: int) -> None:
    has = set(scopes)
    unknown = sorted(has - set(ApiToken.Scope.values))
    problems = [
        (not name.strip() or len(name) > 120, _("A token needs a name of at most 120 characters.")),
        (not has, _("A token needs at least one scope: %s.") % ", ".join(ApiToken.Scope.values)),
        (bool(unknown), _("There is no scope %(names)s.") % {"names": ", ".join(unknown)}),
        ("agent" in has and agent is None, _("The scope agent needs --agent.")),
        ("agent" not in has and agent is not None, _("--agent goes with the scope agent only.")),
        (
            "agent" in has and len(has) > 1,
            _("The scope agent stands alone: an agent acts neither as a person nor as a requester."),
        ),
        ("staff" in has and user is None, _("The scope staff needs --user.")),
        ("decide" in has and "staff" not in has, _("The scope decide stands beside staff only.")),
        ("read" in has and user is None and team is None, _("The scope read needs --team or --user.")),
        (user is not None and team is not None, _("Give --team or --user, not both.")),
        (team is not None and "read" not in has, _("--team goes with the scope read only.")),
        (
            user is not None and not has & {"staff", "read"},
            _("--user goes with the scopes staff and read only."),
        ),
        (trusted and "intake" not in has, _("--trusted-identity goes with the scope intake only.")),
        (not 1 <= days <= MOST_DAYS, _("A token lives 1 to %(n)s days.") % {"n": MOST_DAYS}),
        (user is not None and not user.is_active, _("That person's account is closed.")),
        (agent is not None and agent.retired, _("That agent is retired.")),
    ]
    for wrong, words in problems:
        if wrong:
            raise Incorrect(words)


def _told(token: ApiToken) -> dict[str, Any]:
    return {
        "token": token.name,
        "prefix": token.prefix,
        "scopes": list(token.scopes),
        "agent": token.agent.name if token.agent else "",
        "user": token.user.username if token.user else "",
        "team": token.team.name if token.team else "",
        "trusted_identity": token.trusted_identity,
        "until": token.expires_at,
    }


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _n in range(length))
