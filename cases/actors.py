"""Who does something. Every service needs one: there is no default actor and no ambient request."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["person", "agent", "control", "requester"]


@dataclass(frozen=True, slots=True)
class Actor:
    """`label` is the name that stays in the ledger when the account is long gone; requesters get a pseudonym."""

    kind: Kind
    label: str
    user_id: int | None = None
    agent_id: int | None = None
    run_id: int | None = None
    token_id: int | None = None
    token_name: str = ""
    trusted: bool = False
    user: Any = None

    @property
    def is_person(self) -> bool:
        return self.kind == "person"


CONTROL = Actor(kind="control", label="control layer")


def person(user: Any, *, token_id: int | None = None, token_name: str = "") -> Actor:
    """The signed-in person; `token_*` when they act through their own API token."""
    label = f"{user.get_full_name() or user.username} ({user.username})"
    return Actor("person", label, user_id=user.pk, token_id=token_id, token_name=token_name, user=user)


def agent(agent: Any, *, run_id: int | None = None, token_id: int | None = None) -> Actor:
    return Actor("agent", str(agent.name), agent_id=agent.pk, run_id=run_id, token_id=token_id)


def requester(case_id: int) -> Actor:
    """Requesters are pseudonyms in the ledger, so that one can be erased and the chain still verifies."""
    return Actor("requester", f"requester of C-{case_id}")


def system_token(name: str, token_id: int, *, trusted: bool = False) -> Actor:
    """A program that hands requests in with an intake token."""
    return Actor("requester", f"token {name}", token_id=token_id, token_name=name, trusted=trusted)
