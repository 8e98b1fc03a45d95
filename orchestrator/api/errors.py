"""Refusals of the API itself. Those of the product come from the floors; `answers.py` turns both into
answers.
"""

from typing import ClassVar

from agents import errors as agents
from cases.errors import Refusal


class Unauthenticated(Refusal):
    """This call needs a token that is in force: `Authorization: Bearer …`. Nothing was changed."""

    code = "unauthenticated"
    http_status = 401


class BadRequest(Refusal):
    """What you sent cannot be read. Nothing was changed."""

    code = "invalid"
    http_status = 400


class WrongMethod(Refusal):
    """This address does not answer that method. Nothing was changed."""

    code = "invalid"
    http_status = 405


class WrongMediaType(Refusal):
    """Send JSON, with `Content-Type: application/json`. Nothing was changed."""

    code = "invalid"
    http_status = 415


class TooLarge(Refusal):
    """This is larger than what is taken here. Nothing was changed."""

    code = "too_large"
    http_status = 413


class NotOpen(agents.NotOpen):
    """This agent has no open step in that case yet. Ask again after the time in Retry-After. Nothing was changed."""

    retry_after: ClassVar[int] = 2


class KeyReused(Refusal):
    """This Idempotency-Key was used for another call. Nothing was changed."""

    code = "key_reused"
    http_status = 422


class InProgress(Refusal):
    """A call with this Idempotency-Key is still running. Ask again in a moment."""

    code = "in_progress"
    http_status = 409
    retry_after: ClassVar[int] = 1


class Throttled(Refusal):
    """Too many calls in a minute. Ask again after the time in Retry-After; nothing was changed."""

    code = "throttled"
    http_status = 429


class Unavailable(Refusal):
    """The service cannot answer at this moment. Ask again soon, with the same Idempotency-Key."""

    code = "unavailable"
    http_status = 503
    retry_after: ClassVar[int] = 2


class Broken(Refusal):
    """Something went wrong on our side. It was noted. Ask again with the same Idempotency-Key."""

    code = "unavailable"
    http_status = 500
