"""The registry of brains: one file per kind, all with the signature of `base.Brain`."""

from agents.brains.base import Brain, Done, Result, ToolFailed, Tools
from agents.brains.outside import Outside
from agents.brains.procedure import Procedure

KINDS: dict[str, Brain] = {brain.kind: brain for brain in (Procedure(), Outside())}

__all__ = ["KINDS", "Brain", "Done", "Result", "ToolFailed", "Tools"]
