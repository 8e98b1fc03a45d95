"""The sorter in use: trained from the map and what people answered, kept in PostgreSQL, cached by process."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from django.conf import settings

from cases.canonical import digest
from cases.models import Example, RequestType, Sorter
from cases.texts import say


@dataclass(frozen=True, slots=True)
class InUse:
    """A trained sorter with the phrases that go before it."""

    model: Any
    phrases: Mapping[str, list[str]]


LONGEST = 900.0  # seconds for one training

_cache: dict[str, InUse] = {}
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Material:
    """What a sorter is trained from. The map's part alone decides whether an older training may still serve."""

    examples: list[tuple[str, str]]
    learned: list[tuple[str, str]]
    titles: dict[str, str]
    outside: list[str]
    phrases: dict[str, list[str]]

    @property
    def map_digest(self) -> str:
        from cases.sorting import FORMAT  # numpy comes with it: see _model

        return digest([FORMAT, sorted(self.examples), self.titles])

    @property
    def name(self) -> str:
        return digest([self.map_digest, sorted(self.learned), sorted(self.outside)])


def sorter(stamp: str, *, now: datetime) -> InUse:
    """The sorter for the configuration of `stamp`, looked for anew once a minute; trained if the map has none yet."""
    key = f"{stamp} {now:%H:%M}"
    with _lock:
        if key not in _cache:
            in_use = _load(now)
            _cache.clear()
            _cache[key] = in_use
        return _cache[key]


def retrain(*, now: datetime) -> bool:
    """Train anew if people's answers came in since the last training. Returns whether it did."""
    material = _material()
    if Sorter.objects.filter(trained_from=material.name).exists():
        return False
    _train(material, now)
    return True


def _load(now: datetime) -> InUse:
    """The exact training, else an older one of the same map (answers since then wait for `retrain`), else train."""
    material = _material()
    row = (
        Sorter.objects.filter(trained_from=material.name).first()
        or Sorter.objects.filter(map_digest=material.map_digest).first()
    )
    model = _model(bytes(row.arrays)) if row else _train(material, now)
    return InUse(model, material.phrases)


def _train(material: Material, now: datetime) -> Any:
    examples = [*material.examples, *material.learned]
    arrays = _trained({"examples": examples, "titles": material.titles, "outside": material.outside})
    row = Sorter(
        created_at=now,
        trained_from=material.name,
        map_digest=material.map_digest,
        examples=len(examples),
        types=len(material.titles),
        arrays=arrays,
    )
    Sorter.objects.bulk_create([row], ignore_conflicts=True)
    return _model(arrays)


def _model(arrays: bytes) -> Any:
    """numpy is loaded where a text is sorted: web processes, which sort none, go without its 9 MB."""
    from cases.sorting import Model

    return Model.from_bytes(arrays)


def _trained(asked: Mapping[str, Any]) -> bytes:
    """Train in a program of its own: its library and its memory are gone when it ends."""
    done = subprocess.run(
        [sys.executable, "-m", "cases.training"],
        input=json.dumps(asked).encode(),
        capture_output=True,
        cwd=settings.BASE_DIR,
        timeout=LONGEST,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The sorter could not be trained: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


def _material() -> Material:
    types = list(RequestType.objects.filter(retired=False).order_by("name"))
    learned: list[tuple[str, str]] = []
    outside: list[str] = []
    for row in Example.objects.select_related("type").order_by("-id")[:20_000]:
        if row.type is None:
            outside.append(row.text)
        elif not row.type.retired:
            learned.append((row.text, row.type.name))
    return Material(
        examples=[(str(text), type_.name) for type_ in types for text in type_.examples],
        learned=learned,
        titles={t.name: " ".join(sorted({say(t.title, "en"), say(t.title, "zh-hant")})) for t in types},
        outside=outside,
        phrases={t.name: [str(p) for p in t.phrases] for t in types},
    )
