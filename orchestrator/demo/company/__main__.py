"""Starts the company: `python -m orchestrator.demo.company --port 8765 --data DIR [--seed 7]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from datetime import date
from pathlib import Path

from orchestrator.demo.company.company import MOST_READS, Company
from orchestrator.demo.company.server import Server
from orchestrator.demo.company.store import Store, hong_kong_today


def main() -> int:
    """Start, say `ready`, serve until SIGINT or SIGTERM."""
    arguments = _arguments()
    store = Store(arguments.data, arguments.seed, arguments.today)
    company = Company(store, os.environ.get("DEMO_COMPANY_TOKEN", "demo-company-token"), arguments.reads)
    server = Server((arguments.host, arguments.port), company)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    host, port = server.server_address[0], server.server_address[1]
    sys.stdout.write(f"ready http://{host!s}:{port} ({len(store.log)} changes on record)\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)
    server.socket.close()
    store.journal.close()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="orchestrator.demo.company", description="The demo company over HTTP")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder of the journal")
    parser.add_argument("--reads", type=int, default=MOST_READS, help="how many reads it remembers")
    parser.add_argument("--seed", type=int, default=7, help="for the first start and after a reset")
    parser.add_argument(
        "--today",
        type=date.fromisoformat,
        help="the day that the first records count from; kept over restarts",
        default=date.fromisoformat(os.environ.get("DEMO_TODAY") or hong_kong_today().isoformat()),
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
