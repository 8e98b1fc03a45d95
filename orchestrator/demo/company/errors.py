"""The one way in which the demo company says no: a status, a short code and a sentence."""

from __future__ import annotations


class Refused(Exception):
    """Nothing was changed. `status` is the HTTP status, `code` is for programs, `message` for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, object]:
        """The JSON that every error answer has."""
        return {"error": {"code": self.code, "message": self.message}}


def not_found(what: str, key: str) -> Refused:
    """404 for a record that is not in the store."""
    return Refused(404, "not_found", f"There is no {what} {key}.")
