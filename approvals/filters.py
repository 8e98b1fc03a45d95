"""A person's saved choices of the inbox: an address with a name. Nobody else sees them."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.utils.translation import gettext as _

from approvals.models import DecidingChoice, SavedFilter
from cases.actors import Actor
from cases.errors import Incorrect, NoRight, NotFound

KEPT = ("tab", "type", "risk", "agent", "cover", "q")  # parts of the address that make a choice, in this order
MOST = 20  # a person
LONGEST = 500  # signs of a kept address, in which one of Chinese takes nine


def query_of(text: str) -> str:
    """The part of an address that makes a choice, always in the same order; pages and anything else are left out."""
    given = dict(parse_qsl(text[:2_000]))
    return urlencode([(name, given[name][:120]) for name in KEPT if given.get(name)])


def save(*, actor: Actor, name: str, query: str) -> SavedFilter:
    """Keep a choice under a name; the same name again means the new choice."""
    if actor.user_id is None:
        raise NoRight
    name, query = " ".join(name.split()), query_of(query)
    if not name or len(name) > 60:
        raise Incorrect(_("Give it a name of at most 60 signs."), fields={"name": []})
    if not query:
        raise Incorrect(_("Choose something first: an empty filter is the whole list."), fields={"query": []})
    if len(query) > LONGEST:
        raise Incorrect(_("This filter is too long to be kept. Search for fewer words."), fields={"query": []})
    with transaction.atomic():
        others = SavedFilter.objects.filter(user=actor.user_id).exclude(name=name)
        if others.count() >= MOST:
            raise Incorrect(_("At most %(n)s filters are kept. Remove one first.") % {"n": MOST}, fields={"name": []})
        kept, _made = SavedFilter.objects.update_or_create(user_id=actor.user_id, name=name, defaults={"query": query})
    return kept


def remove(*, actor: Actor, filter_id: int) -> None:
    """Forget one's own; another person's is not there."""
    if not SavedFilter.objects.filter(pk=filter_id, user=actor.user_id).delete()[0]:
        raise NotFound


def choose_next(*, actor: Actor, open_next: bool) -> None:
    """Whether the next approval opens after a decision."""
    if actor.user_id is None:
        raise NoRight
    DecidingChoice.objects.update_or_create(user_id=actor.user_id, defaults={"open_next": open_next})


def opens_next(user: Any) -> bool:
    return DecidingChoice.objects.filter(user=user.pk, open_next=True).exists()
