"""Refusals of floor 3."""

from cases.errors import Refusal


class AlreadyDecided(Refusal):
    """This was decided already. Nothing was changed."""

    code = "already_decided"
    http_status = 409


class Changed(Refusal):
    """This changed while you were reading. Nothing was decided."""

    code = "changed"
    http_status = 409


class NotAllowed(Refusal):
    """A rule forbids this option. Nothing was decided."""

    code = "forbidden"
    http_status = 403


class HigherNeeded(Refusal):
    """What you changed needs somebody else to decide. Nothing was decided."""

    code = "refused"
    http_status = 409


class StepUpNeeded(Refusal):
    """This decision needs a passkey or a one-time code. Nothing was decided yet."""

    code = "no_right"
    http_status = 403
