"""The registry of connectors: one file per kind, all with the methods of `base.Connector`."""

from django.utils.translation import gettext as _

from agents.connectors.base import (
    Answer,
    Connector,
    ConnectorProblem,
    OperationSpec,
    Outcome,
    Store,
    SystemSpec,
    visible,
)
from agents.connectors.builtin import BuiltinConnector
from agents.connectors.http import HttpConnector

KINDS: dict[str, type[Connector]] = {kind.kind: kind for kind in (HttpConnector, BuiltinConnector)}


def connector_for(system: SystemSpec, store: Store | None = None) -> Connector:
    """The connector of `system`. `store` gives the secrets of `store:NAME`. Raises ConnectorProblem for an
    unknown kind."""
    kind = KINDS.get(system.connector)
    if kind is None:
        raise ConnectorProblem(
            _("The connector %(name)s is not known; known are %(known)s.")
            % {"name": visible(system.connector, 60), "known": ", ".join(sorted(KINDS))}
        )
    return kind(system, store)


__all__ = [
    "KINDS",
    "Answer",
    "Connector",
    "ConnectorProblem",
    "OperationSpec",
    "Outcome",
    "Store",
    "SystemSpec",
    "connector_for",
    "visible",
]
