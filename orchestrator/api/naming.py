"""Names of the map that a program sends: one that is not there is refused, instead of finding nothing for ever."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from cases.errors import Incorrect
from orchestrator.workmap.problems import nearest


def must_exist(option: str, given: Iterable[str], model: Any, *, tell: bool = True) -> None:
    """Raise `Incorrect` for the first of `given` that no record of `model` has, retired ones among them.

    `tell`: say the nearest name that there is; not to a program that may not read the map.
    """
    wanted = dict.fromkeys(given)
    there = set(model.objects.filter(name__in=wanted).values_list("name", flat=True))
    for name in wanted:
        if name not in there:
            near = nearest(name, model.objects.values_list("name", flat=True)) if tell else ""
            words = _("`%(option)s` names `%(name)s`, which does not exist. Nothing was changed.")
            if near:
                words = _("`%(option)s` names `%(name)s`, which does not exist%(near)s Nothing was changed.")
            raise Incorrect(words % {"option": option, "name": name[:140], "near": near}, fields={option: [name]})
