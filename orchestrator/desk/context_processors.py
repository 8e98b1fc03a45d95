"""What every template gets: the frame of the page, and what may still be undone. Never fails a page."""

import logging
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from approvals import held
from orchestrator.desk.selectors.shell import Shell, company_name, shell_of

logger = logging.getLogger(__name__)


def shell(request: HttpRequest) -> dict[str, Any]:
    """`shell` (counts, AI chip, theme) and `held` (decisions of this person that wait in their hold)."""
    user = getattr(request, "user", None)
    try:
        if user is None or not user.is_authenticated:
            return {"shell": Shell(company=company_name()), "held": []}
        return {"shell": shell_of(user), "held": held.of(user, timezone.now())}
    except DatabaseError:
        logger.warning("The frame of a page could not be read", exc_info=True)
        return {"shell": Shell(), "held": []}
