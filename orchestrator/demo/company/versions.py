"""If-Match: a change that was prepared on an older version of the record is refused."""

from __future__ import annotations

from orchestrator.demo.company.calls import Call, Record
from orchestrator.demo.company.errors import Refused


def check_version(record: Record, call: Call) -> None:
    """409 if the call names a version (number or `updated_at`) that is not the record's."""
    if call.if_match is None or call.if_match.strip() == "*":
        return
    named = call.if_match.strip().removeprefix("W/").strip('"')
    if named not in (str(record["version"]), record["updated_at"]):
        raise Refused(409, "changed", f"The record is at version {record['version']}, not {named}.")
