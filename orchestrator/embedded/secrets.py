"""Secrets that are made on first start and kept in the data folder, readable by their owner only.

The environment goes first; this file is for one machine. Several machines set the variables instead.
"""

import json
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from orchestrator.embedded.folders import private_folder, told

NAMES = ("SECRET_KEY", "FIELD_KEYS", "LEDGER_KEY")


def kept_secrets(data: Path) -> dict[str, str]:
    """Return the secrets of the data folder; the first call makes them. Two at once agree on one."""
    path = data / "secrets.json"
    with told(path):
        if not path.exists():
            _write_once(path, _new_secrets())
        text = path.read_text()
    kept: dict[str, str] = json.loads(text)
    return kept


def _new_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "FIELD_KEYS": Fernet.generate_key().decode(),
        "LEDGER_KEY": secrets.token_urlsafe(48),
    }


def _write_once(path: Path, content: dict[str, str]) -> None:
    """Write completely or not at all: a link fails if another process was first, and then its file counts."""
    private_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return
    finally:
        Path(name).unlink()
