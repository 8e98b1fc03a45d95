"""The small company inside a test's own transaction, and committed for several connections."""

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
