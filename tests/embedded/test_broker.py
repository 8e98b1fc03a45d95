"""The embedded broker: one socket, nothing on the disk, and a new one in the place of one left behind."""

import stat
from pathlib import Path

from kombu import Connection

from orchestrator.embedded.broker import EmbeddedBroker


def test_celery_can_send_and_receive_through_it(broker: EmbeddedBroker) -> None:
    with Connection(broker.url) as connection:
        queue = connection.SimpleQueue("flow")
        queue.put({"case": 1})
        assert queue.get(timeout=5).payload == {"case": 1}


def test_it_lets_nobody_else_in_and_keeps_nothing(broker: EmbeddedBroker) -> None:
    assert stat.S_IMODE(broker.socket.stat().st_mode) == 0o700
    with Connection(broker.url) as connection:
        connection.SimpleQueue("flow").put({"case": 1})
    broker.stop()
    assert not list(broker.socket.parent.iterdir())


def test_it_takes_the_place_of_one_that_was_left_behind(tmp_path: Path) -> None:
    first = EmbeddedBroker(tmp_path)
    first.start()
    second = EmbeddedBroker(tmp_path)
    second.start()
    assert first.child is not None
    assert first.child.wait(5) == 0
    assert second.answers()
    second.stop()


def test_it_starts_over_a_socket_without_a_server(tmp_path: Path) -> None:
    first = EmbeddedBroker(tmp_path)
    first.start()
    assert first.child is not None
    first.child.kill()
    first.child.wait()
    assert first.socket.exists()
    second = EmbeddedBroker(tmp_path)
    second.start()
    assert second.answers()
    second.stop()
