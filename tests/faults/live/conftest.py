"""The running company, started once for this folder. Its database is emptied when the folder is through."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from orchestrator.demo.company.store import hong_kong_today
from orchestrator.embedded.broker import EmbeddedBroker
from orchestrator.embedded.postgres import EmbeddedPostgres
from tests.conftest import Emptier, environment_of_children
from tests.demo.process import TOKEN, RunningCompany
from tests.faults.live.works import Works, prepare
from tests.journeys.processes import Processes


@pytest.fixture(scope="package")
def works(
    postgres: EmbeddedPostgres,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    emptier: Emptier,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Works]:
    """Company, broker, beat, web and two workers whose leases are short."""
    folder = tmp_path_factory.mktemp("works")
    company = RunningCompany(tmp_path_factory.mktemp("company"))
    company.control("reset", {"today": hong_kong_today().isoformat()})
    broker = EmbeddedBroker(folder / "broker")
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DEMO_COMPANY_URL", company.url)
        patch.setenv("DEMO_COMPANY_TOKEN", TOKEN)
        emptier.empty()
        broker.start()
        environment = environment_of_children(postgres, broker) | {"API_INTAKE_PER_MINUTE": "1000000"}
        processes = Processes(folder, environment)
        works = Works(folder / "crew", processes, company, broker, postgres)
        try:
            prepare(works)
            processes.web()
            processes.beat()
            works.start()
            processes.ready()
            yield works
        finally:
            works.stop()
            processes.stop()
            works.broker.stop()
            company.stop()
            emptier.empty()


@pytest.fixture(autouse=True)
def _the_books_agree(works: Works, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    works.hold_the_books(request)
