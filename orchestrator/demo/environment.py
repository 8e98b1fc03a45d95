"""What the demo decided at its first start, kept in the data folder: ports, the company's token, the clock.

Every command of `manage.py` on the same data folder sees the same, so `handle` talks to the demo that runs.
"""

import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from orchestrator.embedded.folders import private_folder
from orchestrator.environment import Environment

NAME = "demo.json"
KEPT = (
    *("DEMO_COMPANY_PORT", "DEMO_COMPANY_URL", "DEMO_COMPANY_TOKEN"),
    *("FIXED_NOW", "DEMO_TODAY", "PUBLIC_URL"),
)
DATABASE_OF_DEMO = "DATABASE_URL"
COMPANY_PORT = 8765
PORTS_TO_TRY = 50


class PortTaken(Exception):
    """There is no free port near the wanted one."""


def apply_kept(values: MutableMapping[str, str], data: Path) -> None:
    """Add what the demo of `data` decided to `values`, if these variables speak of the same database."""
    kept = _read(data)
    if kept and kept.get(DATABASE_OF_DEMO, "") == values.get(DATABASE_OF_DEMO, ""):
        values["WORK_COMMAND_DEMO"] = "yes"
        for name in KEPT:
            if kept.get(name):
                values.setdefault(name, kept[name])


def decide(values: MutableMapping[str, str], data: Path) -> None:
    """Before the demo starts: complete `values` and keep what has to stay the same at the next start.

    The company's port may change from start to start: the map names its address by DEMO_COMPANY_URL.
    """
    kept = _read(data)
    values["WORK_COMMAND_DEMO"] = "yes"
    values.setdefault("DEMO_COMPANY_TOKEN", kept.get("DEMO_COMPANY_TOKEN") or secrets.token_urlsafe(24))
    before = int(kept.get("DEMO_COMPANY_PORT") or COMPANY_PORT)
    values["DEMO_COMPANY_PORT"] = str(first_free_port(_port(values, "DEMO_COMPANY_PORT", before)))
    values["DEMO_COMPANY_URL"] = f"http://127.0.0.1:{values['DEMO_COMPANY_PORT']}"
    values["PORT"] = str(first_free_port(_port(values, "PORT", 8000), but=int(values["DEMO_COMPANY_PORT"])))
    values["PUBLIC_URL"] = f"http://localhost:{values['PORT']}"
    content = {name: values[name] for name in (*KEPT, DATABASE_OF_DEMO) if values.get(name)}
    write_private(data / NAME, content)


def write_private(path: Path, content: object) -> None:
    """Write JSON that only its owner can read, completely or not at all."""
    private_folder(path.parent)
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
    beside.replace(path)


def first_free_port(wanted: int, *, but: int = 0) -> int:
    """`wanted`, or the next port that nobody listens on or is about to (`but`). Raises `PortTaken` after 50 tries."""
    for port in _ports(wanted):
        if port != but and port_is_free(port):
            return port
    raise PortTaken(f"No free port from {wanted} to {wanted + PORTS_TO_TRY - 1}. Set PORT to another one.")


def port_is_free(port: int) -> bool:
    """True if a server could listen on this port of the machine's own address."""
    with socket.socket(socket.AF_INET) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            line.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _port(values: Mapping[str, str], name: str, default: int) -> int:
    return Environment(values).whole(name, default, least=1, most=65_535)


def _ports(wanted: int) -> Iterator[int]:
    return iter(range(wanted, min(wanted + PORTS_TO_TRY, 65_536)))


def _read(data: Path) -> dict[str, str]:
    """What is kept; nothing where this user may not look, as that is no demo of theirs."""
    try:
        kept: dict[str, str] = json.loads((data / NAME).read_text())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    return kept
