"""Saves one row of the configuration: only if it differs, with version, history, who and why."""

from typing import Any

from django.db import models

from orchestrator.workmap.records import same


class Writer:
    """`user` and `reason` go into the history of every row that changes; `changed` counts those rows."""

    def __init__(self, *, user: Any, reason: str) -> None:
        self.user = user
        self.reason = reason
        self.changed = 0

    def keep(self, row: Any, **values: Any) -> bool:
        """Give the row these values. Whether it was new or differed; else nothing is written."""
        new = row._state.adding
        differs = [name for name, value in values.items() if new or not _equal(getattr(row, name), value)]
        if not differs:
            return False
        for name in differs:
            setattr(row, name, values[name])
        self.touch(row)
        return True

    def touch(self, row: Any) -> None:
        """Save the row as a new version, also when only something that hangs on it changed."""
        if not row._state.adding:
            row.version += 1
        self.save(row)

    def save(self, row: Any) -> None:
        row._history_user = self.user
        row._change_reason = self.reason
        row.save()
        self.changed += 1


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, models.Model) or isinstance(other, models.Model):
        return bool(one == other)
    return same(one, other)
