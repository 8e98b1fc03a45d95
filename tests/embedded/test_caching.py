"""The shared cache on a server that goes away, is silent, and comes back."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from django.core.cache.backends.db import DatabaseCache

from orchestrator import caching
from orchestrator.caching import SharedCache
from orchestrator.embedded.broker import EmbeddedBroker
from orchestrator.environment import cache_beside, cache_settings


@pytest.fixture
def cache(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedCache]:
    monkeypatch.setattr(caching, "_left_alone_until", 0.0)
    made = cache_settings("CACHE_URL", cache_beside(broker.url))
    found = SharedCache(made["LOCATION"], made)
    found._meanwhile.clear()
    yield found
    found._meanwhile.clear()


def test_it_is_redis_while_that_answers(cache: SharedCache) -> None:
    cache.set("a", {"b": 1})
    assert cache.get("a") == {"b": 1} and cache.add("a", 2) is False
    assert cache.get_many(["a", "c"]) == {"a": {"b": 1}}
    assert cache._meanwhile.get("a") is None


def test_without_a_server_each_process_counts_for_itself(cache: SharedCache, broker: EmbeddedBroker) -> None:
    cache.set("a", 1)
    broker.stop()
    assert cache.get("a") is None
    assert cache.add("n", 0) is True and cache.add("n", 0) is False
    assert [cache.incr("n"), cache.incr("n")] == [1, 2]
    cache.delete_many(["n"])
    assert cache.get("n", "gone") == "gone"
    with pytest.raises(ValueError, match="n"):
        cache.incr("n")


def test_a_silent_server_holds_up_one_call_and_is_used_again_later(
    cache: SharedCache, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set("a", 1)
    assert broker.child is not None
    os.kill(broker.child.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert cache.get("a") is None
        assert time.monotonic() - began < 4
        began = time.monotonic()
        for n in range(100):
            cache.set(f"b{n}", n)
        assert time.monotonic() - began < 0.5 and cache.get("b99") == 99
    finally:
        os.kill(broker.child.pid, signal.SIGCONT)
    monkeypatch.setattr(caching, "_left_alone_until", 0.0)
    assert cache.get("a") == 1 and cache.get("b99") is None


@pytest.mark.django_db
def test_the_cache_beside_rabbitmq_is_there_before_anybody_changes_the_broker() -> None:
    """The database was migrated with a Redis. Without the table nobody could sign in after the change."""
    made = cache_settings("CACHE_URL", cache_beside("amqp://h//"))
    cache = DatabaseCache(made["LOCATION"], made)
    cache.set("a", {"b": 1})
    assert cache.get("a") == {"b": 1}
