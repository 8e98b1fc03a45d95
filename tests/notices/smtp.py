"""A small real SMTP server on loopback: keeps what it accepted, and makes the faults that a test tells it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass
class MailServer:
    """`faults` are used up one a mail: `550` or `451` after the message, `rcpt` refuses the address, `cut` breaks the
    connection after the message was taken, `hang` does so after it was told to."""

    port: int = 0
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    connections: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)
    got: threading.Event = field(default_factory=threading.Event)

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for to, mail in self.taken if to == address]


class _Handler(socketserver.StreamRequestHandler):
    mails: MailServer

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def handle(self) -> None:
        self.mails.connections += 1
        to, self.fault = "", ""
        self.say("220 test")
        while command := self.rfile.readline().decode().strip():
            verb = command.split(" ")[0].split(":")[0].upper()
            if verb == "DATA":
                self.say("354 go on")
                if not self.take(to):
                    return
            elif verb == "RCPT":
                to = command.split("<")[1].split(">")[0]
                fault = self.mails.faults[:1]
                if fault == ["rcpt"]:
                    self.mails.faults.pop(0)
                    self.say("550 nobody of that name")
                else:
                    self.say("250 ok")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def take(self, to: str) -> bool:
        """One message. False: the connection was broken."""
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        fault = self.mails.faults.pop(0) if self.mails.faults else ""
        if fault.isdigit():
            self.say(f"{fault} no")
            return True
        mail: Any = message_from_bytes(b"".join(lines), policy=policy.default)
        self.mails.taken.append((to, mail))
        self.mails.got.set()
        if fault == "hang":
            self.mails.go_on.wait(30)
        if fault in ("cut", "hang"):
            return False
        self.say("250 taken")
        return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def mail_server(mails: MailServer | None = None) -> Iterator[MailServer]:
    """The server while the block lasts; with `mails` again on its port."""
    mails = mails or MailServer()
    handler = type("Handler", (_Handler,), {"mails": mails})
    with _Server(("127.0.0.1", mails.port), handler) as server:
        mails.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield mails
        mails.go_on.set()
        server.shutdown()
        thread.join()
