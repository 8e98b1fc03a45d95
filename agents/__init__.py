"""Floor 2: systems, operations, agents, grants (the gate), steps, runs, reads, proposals, the executor."""
