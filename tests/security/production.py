"""The product as it is shipped: production settings, a web server of its own, behind a proxy that ends TLS."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from orchestrator.demo.environment import first_free_port
from orchestrator.embedded.programs import Program

HOST = "work.example.com"
START_SECONDS = 90.0


class Browser:
    """Somebody's browser as the server behind the proxy sees it. Keeps cookies, also those that ask for https."""

    def __init__(self, address: str, ip: str = "203.0.113.7") -> None:
        self.client = httpx.Client(base_url=address, timeout=30)
        self.ip = ip
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, **headers)

    def post(self, path: str, data: Any = None, **headers: str) -> httpx.Response:
        if isinstance(data, dict):
            data = {"csrfmiddlewaretoken": self.token(), **data}
        content = {"data": data} if isinstance(data, dict) else {"content": data}
        return self.ask("POST", path, content, **headers)

    def ask(self, method: str, path: str, content: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        sent = {
            "Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": self.ip, "Referer": f"https://{HOST}{path}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip
        answer = self.client.request(method, path, headers=sent, **(content or {}))
        for line in answer.headers.get_list("set-cookie"):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return answer

    def token(self) -> str:
        """What a form of ours would carry."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get("/accounts/login/").text)
        if found is None:  # signed in already: any page of ours has a form
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get("/settings/").text)
        assert found is not None
        return found[1]

    def sign_in(self, name: str, password: str) -> httpx.Response:
        return self.post("/accounts/login/", {"login": name, "password": password})


def collected(folder: Path) -> Path:
    """Static files with their manifest, without the compressing that takes long."""
    static = folder / "static"
    environment = {**os.environ, "WORK_COMMAND_DEMO": "yes", "STATIC_ROOT": str(static),
                   "DJANGO_SETTINGS_MODULE": "orchestrator.settings"}  # fmt: skip
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True)
    return static


@contextmanager
def served(environment: dict[str, str], folder: Path, **more: str) -> Iterator[tuple[str, Path]]:
    """The address of a running web server with production settings, and its log."""
    values = {name: value for name, value in environment.items() if name not in {"WORK_COMMAND_DEMO", "DEBUG"}}
    values |= {
        "ALLOWED_HOSTS": HOST, "PUBLIC_URL": f"https://{HOST}", "BEHIND_PROXY": "yes", "LOG_LEVEL": "INFO",
        "STATIC_ROOT": str(collected(folder)), "PYTHONUNBUFFERED": "1",
    } | more  # fmt: skip
    port = str(first_free_port(23_000 + os.getpid() % 20_000))
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", port]
    command += ["--workers", "1", "--blocking-threads", "4", "--no-ws", "orchestrator.wsgi:application"]
    program = Program(command, folder / "web.log", values, Path(settings.BASE_DIR), 10, signal.SIGTERM)
    program.start()
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(program, address)
        yield address, program.log
    finally:
        program.stop()


def _wait(program: Program, address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert program.child is not None and program.child.poll() is None, program.log.read_text()[-3000:]
        try:
            httpx.get(f"{address}/livez", timeout=2)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(program.log.read_text()[-3000:])
