"""Named predicates of floor 1, and the only module of the product that calls guardian.

A team's rights on a request type follow from the type's `team` and `lead`; nobody gives them by hand.
"""

from typing import Any

from guardian.shortcuts import assign_perm, remove_perm

from cases.models import Case, RequestType, RequestTypeGroupPermission

RIGHTS = {"team": ("see", "work"), "lead": ("see", "work", "decide", "lead")}


def give_team_rights(type_: RequestType) -> None:
    """Make the rights of the groups equal to what the type says: its team see and work, its lead team all four."""
    wanted = {(type_.team.group_id, right) for right in RIGHTS["team"]}
    wanted |= {(type_.lead.group_id, right) for right in RIGHTS["lead"]}
    given = set(
        RequestTypeGroupPermission.objects.filter(content_object=type_).values_list("group_id", "permission__codename")
    )
    groups = {type_.team.group_id: type_.team.group, type_.lead.group_id: type_.lead.group}
    for group_id, right in wanted - given:
        assign_perm(f"cases.{right}", groups[group_id], type_)
    for row in RequestTypeGroupPermission.objects.filter(content_object=type_).select_related("permission", "group"):
        if (row.group_id, row.permission.codename) not in wanted:
            remove_perm(f"cases.{row.permission.codename}", row.group, type_)


def can_see(user: Any, case: Case) -> bool:
    return Case.objects.visible_to(user).filter(pk=case.pk).exists()


def can_work(user: Any, case: Case) -> bool:
    """Take over, write, sort, close: members of the type's team or lead team, or whoever has the case now."""
    return Case.objects.visible_to(user, "work").filter(pk=case.pk).exists()


def can_lead(user: Any, case: Case) -> bool:
    return Case.objects.visible_to(user, "lead").filter(pk=case.pk).exists()
