"""The admin pages of the configuration. They stand on the roof because one change is checked against all floors."""

from orchestrator.workmap.admin import drafts, people, rules, types, whole

__all__ = ["drafts", "people", "rules", "types", "whole"]
