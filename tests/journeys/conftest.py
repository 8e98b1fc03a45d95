"""What every journey runs on: an emptied database, the real broker, and processes started as production starts them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from pytest_django import DjangoDbBlocker

from orchestrator.embedded.broker import EmbeddedBroker
from orchestrator.embedded.postgres import EmbeddedPostgres
from tests.conftest import Emptier, environment_of_children
from tests.journeys.processes import Processes


@pytest.fixture(scope="session")
def running(
    postgres: EmbeddedPostgres,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    emptier: Emptier,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], AbstractContextManager[Processes]]:
    """Opens a company for several tests: its own broker and database rows. It is emptied when it is closed.

    Stories in it follow each other as in a company, so they never share a customer.
    """

    @contextmanager
    def opened() -> Iterator[Processes]:
        folder = tmp_path_factory.mktemp("processes")
        with django_db_blocker.unblock():
            emptier.empty()
            broker = EmbeddedBroker(folder)
            broker.start()
            processes = Processes(folder, environment_of_children(postgres, broker))
            try:
                yield processes
            finally:
                processes.stop()
                broker.stop()
                emptier.empty()

    return opened
