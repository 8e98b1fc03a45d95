"""Tests of a guarantee: one body, two sizes, and one line a guarantee at the end of a run with `--release`.

    @guarantee("D09", ci=20, release=200)
    def test_one_execution_each(size: Size) -> None:
        for n in size.each(): ...

`make test` runs the body at the CI number, `make faults` at the release number. A body that fails counts at least one
failure; one that goes on after a failure counts with `size.failed(what)`, and fails at its end.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

RELEASE_TIMEOUT = 4 * 3600


def guarantee(name: str, *, ci: int, release: int | None = None, seconds: int = 300) -> pytest.MarkDecorator:
    """Mark a test as one of guarantee `name`, tried `ci` times on every run and `release` times in `make faults`.

    `seconds` is how long it may take at the CI number.
    """
    return pytest.mark.guarantee(name, ci=ci, release=ci if release is None else release, seconds=seconds)


@dataclass
class Size:
    """How often a guarantee is tried in this run, and what came of it."""

    number: int
    release: bool
    tried: int = 0
    failures: list[str] = field(default_factory=list)

    def each(self) -> Iterator[int]:
        """0, 1, 2 ... up to the number of this run, counting each as tried."""
        for n in range(self.number):
            self.tried += 1
            yield n

    def pick(self, ci: int, release: int) -> int:
        """A second number that grows with the run: kills beside requests, say."""
        return release if self.release else ci

    def failed(self, what: str) -> None:
        """Remember a failure and go on; the test fails at its end."""
        self.failures.append(what)


@dataclass
class Line:
    tried: int = 0
    failed: int = 0
    seconds: float = 0.0


class Guarantees:
    """The plugin: sizes for the tests, lines for the end of the run."""

    def __init__(self, release: bool) -> None:
        self.release = release
        self.lines: dict[str, Line] = defaultdict(Line)
        self.numbers: dict[str, tuple[int, int]] = {}
        """How often each guarantee is tried by all tests that were collected: on every run, and in a release."""

    def count(self, name: str, *, tried: int, failed: int, seconds: float) -> None:
        """For what is looked at after every test of another guarantee."""
        line = self.lines[name]
        line.tried, line.failed, line.seconds = line.tried + tried, line.failed + failed, line.seconds + seconds

    @pytest.fixture
    def size(self, request: pytest.FixtureRequest) -> Iterator[Size]:
        """The number of this run; asks for the mark `guarantee`."""
        mark = request.node.get_closest_marker("guarantee")
        assert mark is not None, "a test with `size` says its guarantee"
        size = Size(mark.kwargs["release" if self.release else "ci"], self.release)
        request.node.stash[SIZE] = size
        yield size
        if size.failures:
            pytest.fail(f"{len(size.failures)} of {size.tried} failed: " + "; ".join(size.failures[:10]))

    @pytest.hookimpl(tryfirst=True)  # before `-m` leaves the release's own ones out
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for one in item.iter_markers("guarantee"):
                ci, release = self.numbers.get(one.args[0], (0, 0))
                self.numbers[one.args[0]] = ci + one.kwargs["ci"], release + one.kwargs["release"]
            mark = item.get_closest_marker("guarantee")
            if mark is not None and item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(RELEASE_TIMEOUT if self.release else mark.kwargs["seconds"]))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        item.stash[BEGAN] = time.monotonic()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        report: Any = yield
        marks = list(item.iter_markers("guarantee"))
        if marks and (report.when == "teardown" or report.failed):
            size = item.stash.get(SIZE, None)
            for mark in marks:
                line = self.lines[mark.args[0]]
                if report.failed:
                    line.failed += len(size.failures) if size is not None and size.failures else 1
                if report.when == "teardown":
                    line.tried += size.tried if size is not None and size.tried else 1
                    line.seconds += time.monotonic() - item.stash[BEGAN]
        return report

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.release or not self.lines:
            return
        terminalreporter.section("guarantees")
        for name, line in sorted(self.lines.items()):
            terminalreporter.write_line(
                f"{name}  {line.tried:>7} tried  {line.failed:>4} failed  {line.seconds:8.1f} s", red=line.failed > 0
            )


PLUGIN = "guarantees-of-the-product"
SIZE = pytest.StashKey[Size]()
BEGAN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--release", action="store_true", help="try each guarantee as often as a release asks for")


def pytest_configure(config: pytest.Config) -> None:
    release = bool(config.getoption("--release") or os.environ.get("RELEASE"))
    config.pluginmanager.register(Guarantees(release), PLUGIN)
