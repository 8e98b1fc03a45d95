"""One company process for the whole folder, put back to its seed before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo.process import RunningCompany


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCompany]:
    running = RunningCompany(tmp_path_factory.mktemp("company"))
    yield running
    running.stop()


@pytest.fixture
def company(process: RunningCompany) -> RunningCompany:
    process.control("reset", {})
    return process
