"""What pages read of agents."""

from agents.models import Agent


def agent_titles() -> dict[str, str]:
    """Titles of all agents by name, in the language of the page: the ledger keeps only the name. One query."""
    return {agent.name: agent.shown for agent in Agent.objects.only("name", "title")}
