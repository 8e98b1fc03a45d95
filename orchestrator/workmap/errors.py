"""Refusals of the map: what is wrong with it, and who may not publish."""

from cases.errors import Incorrect, NoRight, WrongState


class Refused(Incorrect):
    """The map cannot be loaded. Nothing was changed."""

    def __init__(self, lines: list[str]) -> None:
        """`lines` says what and where, one problem a line."""
        self.lines = lines
        super().__init__("\n".join(lines), problems=lines)


class SecondPerson(NoRight):
    """You proposed this change, so somebody else must publish it. Nothing was changed."""


class OwnLimit(NoRight):
    """This changes what you or your team may decide, so somebody else must publish it. Nothing was changed."""


class DraftEnded(WrongState):
    """This draft was already published or dropped. Nothing was changed."""


class DraftOutdated(WrongState):
    """The record has changed since this draft was made. Drop the draft and propose the change again."""


class DraftPlanned(WrongState):
    """This draft has a start time. Call its start off first; nothing was changed."""


class NotPlanned(WrongState):
    """This draft has no start time, so there is nothing to call off."""
