"""Sends one mail, and says in which of four ways that ended. Nothing here knows what it says or why.

`not_sent`: the server was not reached, or says to come again; `failed`: it refuses this mail; `unknown`: the connection
broke while it was being sent, so it may have arrived.
"""

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from orchestrator.notices.letters import Letter
from orchestrator.notices.transitions import Ended

log = logging.getLogger(__name__)


def send(letter: Letter, *, to: str, notice: int) -> tuple[Ended, str]:
    """Send `letter` to one address. `notice` names the mail: a second try has the same Message-ID."""
    try:
        mail = _mail(letter, to, notice)
        mail.message()
    except ValueError:  # an address or a header that cannot be one
        return "failed", "the address cannot be used"
    connection = get_connection(timeout=settings.EMAIL_TIMEOUT)
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as problem:
        log.warning("notices.mail_server_unreachable", extra={"kind": type(problem).__name__})
        return "not_sent", type(problem).__name__
    try:
        connection.send_messages([mail])
    except smtplib.SMTPRecipientsRefused as refused:
        return _refused(max((code for code, _words in refused.recipients.values()), default=550))
    except smtplib.SMTPResponseException as refused:
        return _refused(refused.smtp_code)
    except (OSError, smtplib.SMTPException) as problem:
        return "unknown", type(problem).__name__
    finally:
        _close(connection)
    return "sent", ""


def _refused(code: int) -> tuple[Ended, str]:
    """4xx: it was not taken and may be later; 5xx: it never will be."""
    return ("not_sent" if 400 <= code < 500 else "failed"), f"the mail server answered {code}"


def _close(connection: object) -> None:
    try:
        connection.close()  # type: ignore[attr-defined]
    except (OSError, smtplib.SMTPException):
        log.warning("notices.mail_server_left_early")


def _mail(letter: Letter, to: str, notice: int) -> EmailMultiAlternatives:
    host = letter.host
    headers = {
        "Message-ID": f"<notice-{notice}@{host}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Content-Language": letter.tag,
    }
    if letter.thread:
        root = f"<{letter.thread}@{host}>"
        headers |= {"In-Reply-To": root, "References": root}
    mail = EmailMultiAlternatives(letter.subject, letter.text, None, [to], headers=headers)
    mail.attach_alternative(letter.html, "text/html")
    return mail
