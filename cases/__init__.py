"""Floor 1: request types, intake, sorting, cases, messages, due times, take-over, the ledger."""
