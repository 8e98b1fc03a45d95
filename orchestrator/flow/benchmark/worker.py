"""One worker of the benchmark: the doorbell wakes it and it advances cases, until it is told to stop.

`python -m orchestrator.flow.benchmark.worker`; it waits for a line before it begins and ends with its input.
"""

import sys
import threading

from cases import doorbell

PACE = float(doorbell.SECONDS)  # it looks by itself as the sweeper would make it: a message may be lost


def main() -> None:
    """Set up, say ready, wait for the word, then advance cases until the input ends."""
    import django

    django.setup()
    from celery import current_app

    from agents import configuration
    from approvals.live_rules import live_rules
    from orchestrator.flow import services

    live_rules(configuration.current())
    queues = [current_app.amqp.queues[name] for name in doorbell.QUEUES]
    with current_app.connection_for_read() as line, line.Consumer(queues, callbacks=[_heard], no_ack=True):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        ended = threading.Event()

        def until_told() -> None:
            sys.stdin.read()
            ended.set()

        threading.Thread(target=until_told, daemon=True).start()
        while not ended.is_set():
            services.advance()
            try:
                line.drain_events(timeout=PACE)
            except TimeoutError:
                continue


def _heard(_body: object, _message: object) -> None:
    """The message says nothing but that something is ready."""


if __name__ == "__main__":
    main()
