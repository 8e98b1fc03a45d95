"""The retailer at work: its map and people loaded once, the demo company, web, a worker and beat running."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from django.core.management import call_command

from cases.models import Company
from orchestrator.demo.company.store import hong_kong_today
from orchestrator.demo.running import MAP, PEOPLE
from tests.demo.process import TOKEN, RunningCompany
from tests.journeys.processes import Processes
from tests.journeys.retail.retailer import Retailer


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCompany]:
    """The demo company as the process that it is, with the dates of today."""
    with pytest.MonkeyPatch.context() as patch:
        running = RunningCompany(tmp_path_factory.mktemp("company"))
        running.control("reset", {"today": hong_kong_today().isoformat()})
        patch.setenv("DEMO_COMPANY_URL", running.url)
        patch.setenv("DEMO_COMPANY_TOKEN", TOKEN)
        yield running
        running.stop()


@pytest.fixture(scope="package")
def retailer(running: Callable[[], AbstractContextManager[Processes]], company: RunningCompany) -> Iterator[Retailer]:
    """Everything running. Nothing is held back before it is written, but where a test says so."""
    with running() as processes:
        processes.web()
        call_command("load_map", str(MAP), stdout=io.StringIO())
        call_command("load_people", str(PEOPLE), stdout=io.StringIO())
        Company.objects.update(hold_seconds=0)
        processes.worker(threads=3)
        processes.beat()
        processes.ready()
        yield Retailer(processes, company)


@pytest.fixture(autouse=True)
def _everything_agrees(retailer: Retailer) -> Iterator[None]:
    """After each story: what the company really did is what the product says, and the ledger holds."""
    yield
    retailer.assert_log_agrees()
    retailer.assert_ledger_holds()
    retailer.assert_nothing_broke()
