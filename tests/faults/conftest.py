"""The small company inside a test's own transaction; the folder `live` has the company as running processes."""

from collections.abc import Iterator

import pytest

from tests.company import Small, small


@pytest.fixture
def company(db: None) -> Iterator[Small]:
    with small() as company:
        yield company


@pytest.fixture
def racing(transactional_db: None) -> Iterator[Small]:
    with small() as company:
        yield company
