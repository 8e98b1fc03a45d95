"""One process of the lean trial, as the floor has them: `python -m orchestrator.flow.benchmark.lean_race CASES`.

It waits for a line before it begins, so that starting up is not measured.
"""

import sys

from orchestrator.flow.benchmark.processes import say_done, wait_for_the_word

LOT = 10  # cases that are taken in before those that are ready are worked on


def main() -> None:
    """Say ready, wait for the word, do it, say done."""
    import django

    django.setup()
    from django.utils import timezone

    from orchestrator.flow.benchmark import lean

    lean.Case.objects.exists()
    wait_for_the_word()
    for _lot in range(int(sys.argv[1]) // LOT):
        lean.through(LOT, timezone.now)
    say_done()


if __name__ == "__main__":
    main()
