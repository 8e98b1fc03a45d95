"""Three hosts with workers, and a hub with database, broker, web, beat and the company; see `networks`."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from orchestrator.demo.company.store import hong_kong_today
from orchestrator.embedded import broker as broker_module
from orchestrator.embedded import postgres as postgres_module
from orchestrator.embedded.broker import EmbeddedBroker
from orchestrator.embedded.postgres import APP, DATABASE, EmbeddedPostgres
from tests.conftest import Emptier, environment_of_children
from tests.demo.process import TOKEN, RunningCompany
from tests.faults.hosts.networks import HUB, NET, Network, why_not
from tests.faults.live.works import Works, prepare
from tests.journeys.processes import Processes

NAMES = ("one", "two", "three")
SERVER_GIVES_UP = "3"  # tries to reach a host that is gone, about three seconds: a long cut in a short test
LEASE = 2.0

broken_ground = functools.cache(why_not)


@dataclass
class Hosts:
    """The hub's works, through which requests come in, and the workers of each host."""

    network: Network
    works: Works
    crews: dict[str, Works]

    def start(self, name: str) -> None:
        with self.network.inside(name):
            self.crews[name].start(size=1, threads=3, lease=LEASE)


@pytest.fixture(scope="package")
def network() -> Iterator[Network]:
    """This process stands on the hub while the package runs."""
    if why := broken_ground():
        pytest.skip(why)
    network = Network(NAMES)
    with network.inside("hub"):
        Path("/proc/sys/net/ipv4/tcp_retries2").write_text(SERVER_GIVES_UP)
        yield network
    network.close()


@pytest.fixture(scope="package")
def on_the_network(network: Network, postgres: EmbeddedPostgres, emptier: Emptier) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL also listens at the hub's address, for the hosts' own role; afterwards on its socket only."""
    doors = postgres.cluster / "pg_hba.conf"
    before = doors.read_text()
    settings = (*postgres_module.SETTINGS, f"listen_addresses={HUB}")

    def again() -> None:
        connections.close_all()
        emptier.connection.close()
        postgres.stop()
        postgres.start()
        emptier.connect()

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(postgres_module, "SETTINGS", settings)
            doors.write_text(f"{before}\nhost {DATABASE} {APP} {NET}.0/24 trust\n")
            again()
        yield postgres
    finally:
        doors.write_text(before)
        again()


@pytest.fixture(scope="package")
def hosts(
    network: Network,
    on_the_network: EmbeddedPostgres,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    emptier: Emptier,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hosts]:
    """Everything runs; nobody is cut off."""
    folder = tmp_path_factory.mktemp("hub")
    company = RunningCompany(tmp_path_factory.mktemp("company"), host="0.0.0.0")
    company.control("reset", {"today": hong_kong_today().isoformat()})
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setattr(
            broker_module,
            "OPTIONS",
            (*broker_module.OPTIONS, "--port", "6379", "--bind", HUB, "--protected-mode", "no"),
        )
        broker = EmbeddedBroker(folder / "broker")
        broker.start()
        emptier.empty()
        address = company.url.replace("127.0.0.1", HUB)
        patch.setenv("DEMO_COMPANY_URL", address)
        patch.setenv("DEMO_COMPANY_TOKEN", TOKEN)
        environment = environment_of_children(on_the_network, broker) | {
            "DATABASE_URL": f"postgresql://{APP}@{HUB}:5432/{DATABASE}",
            "BROKER_URL": f"redis://{HUB}:6379/0",
            "API_INTAKE_PER_MINUTE": "1000000",
        }
        processes = Processes(folder, environment)
        works = Works(folder / "none", processes, company, broker, on_the_network)
        crews = {}
        for name in NAMES:
            mine = tmp_path_factory.mktemp(name)
            crews[name] = Works(mine / "crew", Processes(mine, environment), company, broker, on_the_network)
        found = Hosts(network, works, crews)
        try:
            prepare(works)
            processes.web()
            processes.beat()
            for name in NAMES:
                found.start(name)
            processes.ready()
            yield found
        finally:
            for crew in crews.values():
                crew.stop()
            processes.stop()
            broker.stop()
            company.stop()
            emptier.empty()


@pytest.fixture
def environment_of_a_host(hosts: Hosts) -> dict[str, str]:
    """What a program on a host has to know."""
    return {**hosts.works.processes.environment, "PYTHONPATH": str(Path.cwd())}
