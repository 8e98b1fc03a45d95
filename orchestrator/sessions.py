"""Sessions of people: ended at once when what they may do changes, on every device."""

from collections.abc import Iterable

from allauth.usersessions.models import UserSession


def end_sessions(user_ids: Iterable[int]) -> None:
    """End every session of these people; they sign in again. In the caller's transaction."""
    for session in UserSession.objects.filter(user_id__in=list(user_ids)):
        session.end()
