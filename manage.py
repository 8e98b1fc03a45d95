#!/usr/bin/env python
"""The door to every command. Servers are looked at first: a wrong address is a sentence, not a trace."""

import os
import sys


def main() -> None:
    """Run the command that was asked for, with the embedded servers beside it where they are needed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
    from orchestrator.embedded.preflight import run_command

    sys.exit(run_command(sys.argv))


if __name__ == "__main__":
    main()
