"""What every connector takes and gives: a system and an operation as plain data in, an `Answer` out.

A connector only sends and reads. It decides nothing, stores nothing and knows no case: whether a call may be
made is the gate's business, what an answer means for a write is the executor's.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from django.utils.translation import gettext as _

Outcome = Literal["done", "failed", "unknown", "not_sent"]
Store = Callable[[str], str | None]
"""The encrypted store of credentials: name in, secret out, None if there is none under that name."""

MOST_ERROR_TEXT = 500


@dataclass(frozen=True)
class SystemSpec:
    """A business system of the map. `timeout` is the total time of one call in seconds; `auth` only names
    secrets."""

    name: str
    title: str
    connector: str
    url: str = ""
    auth: Mapping[str, Any] = field(default_factory=dict)
    private_network: bool = False
    timeout: float = 10.0
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OperationSpec:
    """One operation of a system. `kind` is `read` or anything else, which counts as a write."""

    name: str
    kind: str = "write"
    call: Mapping[str, Any] = field(default_factory=dict)
    effect_key: Mapping[str, Any] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_read(self) -> bool:
        return self.kind == "read"


@dataclass(frozen=True)
class Answer:
    """What became of one call.

    outcome: `done`; `failed` (the system said that it was not done; for a read: any failure); `unknown` (a
    write that may have been done); `not_sent` (certain that the request never reached the system).
    retryable: the same call may be sent again without the risk of doing it twice, and may then succeed. Never
    true for `unknown`: whether that may be sent again depends on the effect key, which the executor knows.
    status: the HTTP status, if the system answered. retry_after: seconds that the system asked to wait.
    error: words a person can read, at most 500 characters and a sentence. seconds: how long the call took.
    held_back: the system is left alone for now, so this was no try at all; `retry_after` says for how long.
    """

    ok: bool
    outcome: Outcome
    status: int | None = None
    data: object = None
    error: str = ""
    retry_after: float | None = None
    retryable: bool = False
    seconds: float = 0.0
    held_back: bool = False


class ConnectorProblem(ValueError):
    """This call cannot be made as the map describes it. Nothing was sent."""


class Connector:
    """One system, reached in one way. Subclasses are safe to use from several threads and keep no state of a
    call."""

    kind: ClassVar[str]

    def __init__(self, system: SystemSpec, store: Store | None = None) -> None:
        self.system = system
        self.store = store

    def call(self, operation: OperationSpec, arguments: Mapping[str, Any], *, effect_key: str | None = None) -> Answer:
        """Send the call once. `effect_key` goes along where the operation says how. Never raises."""
        raise NotImplementedError

    def look_up(self, operation: OperationSpec, arguments: Mapping[str, Any]) -> Answer:
        """Read, and try again within the system's time limit where that can help. Refuses writes. Never
        raises."""
        raise NotImplementedError

    def health(self) -> tuple[bool, str]:
        """Whether the system can be reached now, and words for the systems page."""
        raise NotImplementedError

    def discover(self) -> list[dict[str, Any]]:
        """Drafts of map operations, from what the system says about itself. Raises ConnectorProblem with the
        reason."""
        raise NotImplementedError

    def problems(self, operation: OperationSpec) -> list[str]:
        """What keeps `operation` from being callable, in words for the map check; empty if nothing does."""
        raise NotImplementedError


def refused(words: str, *, read: bool, seconds: float = 0.0) -> Answer:
    """The answer for a call that could not even be put together: sending it again would not help."""
    return Answer(ok=False, outcome="failed" if read else "not_sent", error=words, seconds=seconds)


def refuse_write_as_look_up(operation: OperationSpec) -> Answer:
    """The answer for a look-up that names a write: it would be sent more than once."""
    return refused(_("%(name)s writes; a look-up only reads.") % {"name": operation.name}, read=True)


def visible(text: object, most: int = MOST_ERROR_TEXT) -> str:
    """`text` as one bounded line in which control, invisible and direction-changing characters are spelled
    out."""
    raw = str(text)
    shown = "".join(c if _is_plain(c) else f"\\u{ord(c):04x}" for c in " ".join(raw[: most * 2].split()))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _is_plain(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
