"""Passwords for the people of the demo, made once and kept in the data folder; who can sign in."""

import json
import secrets
from pathlib import Path

from django.contrib.auth.models import User

from orchestrator.demo.environment import write_private

NAME = "passwords.json"
ADMIN = "admin"
SYLLABLES = [a + b for a in "bdfghklmnprstvz" for b in "aeiou"]


def give_passwords(data: Path) -> dict[str, str]:
    """Make the admin, give everybody without a password one, and return all passwords by user name.

    A password that somebody changed since stays theirs: it is shown as "(changed)". The kept hash tells,
    because checking a password takes most of a second.
    """
    path = data / NAME
    kept: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    User.objects.get_or_create(
        username=ADMIN, defaults={"is_staff": True, "is_superuser": True, "email": "admin@example.com"}
    )
    for user in User.objects.filter(is_active=True).order_by("pk"):
        if not user.password or not user.has_usable_password():
            password = _new_password()
            user.set_password(password)
            user.save(update_fields=["password"])
            kept[user.username] = {"password": password, "hash": user.password}
            write_private(path, kept)  # at once: a start that is cut must not forget it
        elif kept.get(user.username, {}).get("hash") != user.password:
            kept[user.username] = {"password": "(changed)", "hash": user.password}
    return {name: entry["password"] for name, entry in kept.items()}


def one_line_a_role(passwords: dict[str, str]) -> list[str]:
    """`role  user name  password` for the first person of each set of teams, the admin last."""
    lines: dict[str, str] = {}
    users = User.objects.filter(username__in=passwords).prefetch_related("groups").order_by("pk")
    for user in sorted(users, key=lambda one: one.is_superuser):
        teams = ", ".join(sorted(group.name for group in user.groups.all()))
        role = "admin" if user.is_superuser else teams or "no team"
        name = user.get_full_name() or user.username
        lines.setdefault(role, f"{role:<32} {user.username:<16} {passwords[user.username]:<20} {name}")
    return list(lines.values())


def _new_password() -> str:
    """Three spoken words and four digits: about 45 bits, and easy to type from a screen."""
    words = ["".join(secrets.choice(SYLLABLES) for _ in range(2)) for _ in range(3)]
    return "-".join([*words, f"{secrets.randbelow(10_000):04d}"])
