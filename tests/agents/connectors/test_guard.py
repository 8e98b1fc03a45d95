"""G12: only the hosts of the map are reached, at the address that was judged."""

import socket
import ssl
import threading
from collections.abc import Callable

import httpcore
import pytest

from agents.connectors import SystemSpec
from agents.connectors.guard import AddressRefused, NameUnknown, allowed_addresses, why_refused
from agents.connectors.http import HttpConnector
from agents.connectors.wire import new_pool, sending
from tests.guarantees import guarantee

from .conftest import READ, WRITE
from .scripted import Scripted

Connect = Callable[..., HttpConnector]

FORMS = [
    "http://127.0.0.1:{port}",
    "http://127.1:{port}",
    "http://127.0.1:{port}",
    "http://2130706433:{port}",
    "http://0x7f000001:{port}",
    "http://0x7f.0.0.1:{port}",
    "http://0177.0.0.1:{port}",
    "http://017700000001:{port}",
    "http://127.0.0.1.:{port}",
    "http://localhost:{port}",
    "http://LOCALHOST:{port}",
    "http://localhost.:{port}",
    "http://0.0.0.0:{port}",
    "http://0:{port}",
    "http://[::1]:{port}",
    "http://[::]:{port}",
    "http://[0:0:0:0:0:0:0:1]:{port}",
    "http://[::ffff:127.0.0.1]:{port}",
    "http://[::ffff:7f00:1]:{port}",
    "http://[::127.0.0.1]:{port}",
    "http://[64:ff9b::7f00:1]:{port}",
    "http://[2002:7f00:1::]:{port}",
    "http://[fe80::1]:{port}",
    "http://[fd00:ec2::254]/latest/meta-data",
    "http://169.254.169.254/latest/meta-data",
    "http://0xa9fea9fe/latest/meta-data",
    "http://2852039166/latest/meta-data",
    "http://10.0.0.1:{port}",
    "http://172.16.0.1:{port}",
    "http://192.168.1.1:{port}",
    "http://100.64.0.1:{port}",
    "http://224.0.0.1:{port}",
    "http://255.255.255.255:{port}",
    "http://１２７.0.0.1:{port}",
    "http://127。0。0。1:{port}",
    "http://ⓛocalhost:{port}",
    "http://shop.example@127.0.0.1:{port}",
    "http://127.0.0.1:{port}#@shop.example",
    "http://127.0.0.1:{port}\\@shop.example",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/",
    "unix:///run/db.sock",
]


@guarantee("G12", ci=1)
@pytest.mark.parametrize("form", FORMS)
def test_an_address_inside_is_not_reached(system: Scripted, connect: Connect, form: str) -> None:
    there = connect(url=form.format(port=system.port), private_network=False, timeout=1.0)
    answer = there.call(WRITE, {"id": "1"})
    assert answer.outcome == "not_sent"
    assert system.seen == []
    assert not there.health()[0]
    assert system.seen == []


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.1.1", "::ffff:169.254.169.254", "fd00:ec2::254", "168.63.129.16",
        "100.100.100.200", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "fe80::1", "fe80::1%eth0",
        "255.255.255.255", "240.0.0.1",
        "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "192.0.2.1", "nonsense", "",
    ],
)  # fmt: skip
def test_a_private_network_does_not_open_metadata_and_unusable_addresses(address: str) -> None:
    assert why_refused(address, private_network=True)


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "172.31.0.1", "192.168.0.9", "100.64.1.1", "127.0.0.1", "::1", "fd12::1"]
)
def test_a_private_network_opens_the_companys_own_addresses(address: str) -> None:
    assert why_refused(address, private_network=True) is None
    assert why_refused(address, private_network=False)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert why_refused(address, private_network=False) is None


@guarantee("G12", ci=1)
def test_a_name_that_also_points_inside_is_refused() -> None:
    with pytest.raises(AddressRefused):
        allowed_addresses(
            "shop.example",
            443,
            private_network=False,
            seconds=1,
            resolve=lambda *_: ["93.184.215.14", "10.0.0.1"],
        )


def test_a_name_service_that_hangs_is_cut_at_the_time_limit() -> None:
    never = threading.Event()
    with pytest.raises(NameUnknown):
        allowed_addresses(
            "shop.example", 443, private_network=False, seconds=0.1, resolve=lambda *_: [str(never.wait(5))]
        )


@guarantee("G12", ci=1)
def test_the_name_is_looked_up_once_and_the_judged_address_is_connected_to(
    system: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS changes between check and use: the second answer, another server, is never asked for."""
    asked: list[str] = []

    def changing(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.99"]

    record = SystemSpec("shop", "Shop", "http", url=f"http://shop.example:{system.port}", private_network=True)
    pool = new_pool(record, resolve=changing)
    monkeypatch.setattr("agents.connectors.wire.Pools.pool_of", lambda *_: pool)
    assert HttpConnector(record).call(READ, {"id": "1"}).ok
    assert asked == ["shop.example"]
    assert system.seen[0].headers["host"] == f"shop.example:{system.port}"


def test_tls_names_the_host_of_the_map_and_not_the_address() -> None:
    """The client's first TLS message carries the name, though the connection goes to a bare address."""
    first: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            connection, _ = server.accept()
            first.append(connection.recv(4096))
            connection.close()

        threading.Thread(target=take, daemon=True).start()
        port = server.getsockname()[1]
        record = SystemSpec("shop", "Shop", "http", url=f"https://shop.example:{port}", private_network=True)
        pool = new_pool(record, resolve=lambda *_: ["127.0.0.1"])
        with sending(2.0) as call, pytest.raises((httpcore.ConnectError, ssl.SSLError)):
            pool.request("GET", record.url)
    assert b"shop.example" in first[0]
    assert call.sent is False


def test_a_dead_address_leaves_time_for_a_living_one(system: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))
        record = SystemSpec("shop", "Shop", "http", url=f"http://shop.example:{system.port}", private_network=True)
        pool = new_pool(record, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])
        monkeypatch.setattr("agents.connectors.wire.Pools.pool_of", lambda *_: pool)
        assert HttpConnector(record).call(READ, {"id": "1"}).ok


def test_a_permission_taken_away_counts_at_once(system: Scripted, connect: Connect) -> None:
    assert connect().call(READ, {"id": "1"}).ok
    assert not connect(private_network=False).call(READ, {"id": "1"}).ok
    assert len(system.seen) == 1
