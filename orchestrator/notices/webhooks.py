"""Posts to a team's channel through the guarded HTTP connector: how many wait and until when, no names, no values."""

import os
from typing import Any
from urllib.parse import urlsplit

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.connectors import OperationSpec, SystemSpec
from agents.connectors.http import HttpConnector
from orchestrator.notices.models import TeamHook, may_be_named, unsealed
from orchestrator.notices.transitions import Ended

SECONDS = 10.0


def send(hook: TeamHook, words: str, link: str) -> tuple[Ended, str]:
    """Post `words` and the link. The address stands in no error and no log: whoever knows it may post."""
    parts = urlsplit(_address(hook) or "")
    if (parts.scheme != "https" and not hook.private_network) or not parts.netloc:
        return "failed", "the address is not set or not https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    system = SystemSpec(
        name=f"notices.hook.{hook.pk}",
        title=hook.get_kind_display(),
        connector=HttpConnector.kind,
        url=f"{parts.scheme}://{parts.netloc}",
        private_network=hook.private_network,
        timeout=SECONDS,
    )
    operation = OperationSpec(name="notices.post", kind="write", call={"method": "POST", "path": path})
    answer = HttpConnector(system).call(operation, _body(hook, words, link))
    if answer.ok or (answer.status is not None and 200 <= answer.status < 300):
        return "sent", ""  # Slack answers "ok", which is no JSON
    error = f"answered {answer.status}" if answer.status else str(answer.outcome)
    if answer.retryable:
        return "not_sent", error
    return ("unknown", error) if answer.outcome == "unknown" else ("failed", error)


def words_for(hook: TeamHook, count: int, due: str) -> str:
    """`2 approvals wait for Support managers, the next due 11:30`."""
    with translation.override(hook.language):
        team = hook.team.shown
        said = ngettext("%(n)s approval waits for %(team)s", "%(n)s approvals wait for %(team)s", count) % {
            "n": count,
            "team": team,
        }
        if not due:
            return said
        words = _("%(said)s, due %(time)s") if count == 1 else _("%(said)s, the next due %(time)s")
        return words % {"said": said, "time": due}


def _address(hook: TeamHook) -> str | None:
    if hook.is_sealed:
        return unsealed(hook.address)
    name = hook.address.removeprefix("env:")
    return os.environ.get(name, "").strip() if may_be_named(name) else None


def _body(hook: TeamHook, words: str, link: str) -> dict[str, Any]:
    with translation.override(hook.language):
        go = _("Open and decide")
    if hook.kind == TeamHook.Kind.SLACK:
        return {"text": f"{_plain(words)}\n<{link}|{go}>"}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": words, "wrap": True}],
        "actions": [{"type": "Action.OpenUrl", "title": go, "url": link}],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _plain(words: str) -> str:
    """What Slack would read as a link or a mention stays text."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
