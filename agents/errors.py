"""Refusals of floor 2."""

from typing import ClassVar

from cases.errors import Refusal, WrongState


class Refused(Refusal):
    """The gate refused this call. Nothing was sent."""

    code = "refused"
    http_status = 403


class Forbidden(Refusal):
    """A rule forbids this. Nothing was sent."""

    code = "forbidden"
    http_status = 403


class NotOpen(Refusal):
    """This step is not open for this agent yet."""

    code = "not_open"
    http_status = 409


class Unfinished(WrongState):
    """Another write to this record is not finished. Try again in a moment. Nothing was changed."""

    retry_after: ClassVar[int] = 2


class BadArguments(Refusal):
    """The arguments do not fit this operation. Nothing was sent."""

    code = "invalid"
    http_status = 422


class Stale(Exception):
    """Somebody else has the work since: this worker's claim or turn has passed, so it writes nothing."""
