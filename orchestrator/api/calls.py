"""What a view is given and what it gives back: one call of a program, one answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework.request import Request

from cases.actors import Actor
from cases.errors import NoRight, Refusal
from orchestrator.api.answers import body_of
from orchestrator.api.models import ApiToken


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` is plain JSON."""

    data: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One checked call: whose token, who acts, and the options and body as their schemas say."""

    request: Request
    token: ApiToken
    actor: Actor
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    key: str = ""

    @property
    def user(self) -> Any:
        """The person of a staff or read token, else None."""
        return self.token.user

    @property
    def is_agent(self) -> bool:
        return self.actor.kind == "agent"

    def address(self, path: str) -> str:
        return self.request.build_absolute_uri(path)

    def require_person(self) -> Any:
        """The person that acts. Raises `NoRight` when a program or an agent calls."""
        if not self.actor.is_person:
            raise NoRight
        return self.token.user


def refused(refusal: Refusal) -> Answer:
    """The answer to a refusal that is to be kept under the call's key."""
    return Answer(body_of(refusal), refusal.http_status)
