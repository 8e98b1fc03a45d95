"""One worker of the benchmark: what a doorbell would make it do, again and again, until it is told to stop.

`python -m orchestrator.flow.benchmark.worker`; it waits for a line before it begins and ends with its input.
"""

import sys
import threading
import time

PAUSE = 0.01  # seconds until it looks again when nothing was ready; a doorbell wakes a real worker


def main() -> None:
    """Set up, say ready, wait for the word, then advance cases until the input ends."""
    import django

    django.setup()
    from agents import configuration
    from approvals.live_rules import live_rules
    from orchestrator.flow import services

    live_rules(configuration.current())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    ended = threading.Event()

    def until_told() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=until_told, daemon=True).start()
    while not ended.is_set():
        if services.advance() == 0:
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
