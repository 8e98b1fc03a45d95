"""Floor 3: rules, approvals, decisions, standing approvals, the inbox."""
