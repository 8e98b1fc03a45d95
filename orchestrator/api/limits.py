"""How often a token may call in a minute, counted in the shared cache. One token's calls never slow
another's.

The cache may be gone: then nothing is counted, because a request that is lost costs more than one too many.
"""

import logging
import time

from django.conf import settings
from django.core.cache import cache

from orchestrator.api.errors import Throttled
from orchestrator.api.models import ApiToken

log = logging.getLogger(__name__)

SETTINGS = {"intake": ("API_INTAKE_PER_MINUTE", 600), "exports": ("API_EXPORTS_PER_MINUTE", 60)}


def count(token: ApiToken, what: str) -> None:
    """Count one call of `what` (`intake` or `exports`). Raises `Throttled` with the seconds to wait."""
    name, default = SETTINGS[what]
    most = int(getattr(settings, name, default))
    now = time.time()
    minute, left = int(now // 60), 60 - int(now % 60)
    if _seen(f"api:{what}:{token.pk}:{minute}") > most:
        raise Throttled(retry_after=left, per_minute=most)


def _seen(key: str) -> int:
    try:
        cache.add(key, 0, timeout=120)
        return int(cache.incr(key))
    except Exception:  # an edge: every cache has errors of its own
        log.warning("api.limits_not_counted", exc_info=True)
        return 0
