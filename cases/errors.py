"""One class per refusal. The docstring is the default sentence a person reads; `code` and `http_status` are the API's.

Nothing here decides anything: services raise these, and one place on the roof turns them into answers.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext as _


class Refusal(Exception):
    """This was not done."""

    code: ClassVar[str] = "refused"
    http_status: ClassVar[int] = 403

    def __init__(self, message: str = "", **detail: Any) -> None:
        self.message = message or _((self.__doc__ or "").strip())
        self.detail: Mapping[str, Any] = detail
        super().__init__(self.message)


class NotFound(Refusal):
    """There is nothing here under that name, or you may not see it. Nothing was changed."""

    code = "not_found"
    http_status = 404


class NoRight(Refusal):
    """You may not do this. Nothing was changed."""

    code = "no_right"
    http_status = 403


class WrongState(Refusal):
    """This is no longer possible in the present state. Nothing was changed."""

    code = "wrong_state"
    http_status = 409


class TurnPassed(Refusal):
    """Somebody else has taken this case on since. Nothing was changed."""

    code = "turn_passed"
    http_status = 409


class Incorrect(Refusal):
    """Something in this entry cannot be used. Nothing was changed."""

    code = "invalid"
    http_status = 422


class ReasonRequired(Refusal):
    """Say why. A reason is needed here, and nothing was changed."""

    code = "reason_required"
    http_status = 422
