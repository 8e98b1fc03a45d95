"""Who may answer what now, as one of an asked team, by name or by cover. One text of SQL for lists and checks.

Cover goes from person to person, at most `LONGEST` times, never in a circle, and only to authority the covered person
has. The whole path is barred where one of it asked, opened the case or answered: cover loosens nothing. Only where the
rule says `exclusive: false`, who is of several asked teams themselves answers for each of them.
"""

# ruff: noqa: S608  # constant texts; every value is bound

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cases.rows import execute, numbered

LONGEST = 3  # Ken for May, Lee for Ken, Wing for Lee: further it does not go

IN_FORCE = "c.ended_at IS NULL AND c.starts_at <= statement_timestamp() AND c.ends_at > statement_timestamp()"
# Nobody active is in the team: only then does an override count.
EMPTY = """NOT EXISTS (SELECT 1 FROM auth_user_groups eg JOIN auth_user eu ON eu.id = eg.user_id AND eu.is_active
  WHERE eg.group_id = t.group_id)"""

_MAY = f"""
WITH RECURSIVE acting (principal, path) AS (
  SELECT u.id, ARRAY[u.id] FROM auth_user u WHERE u.id = %s AND u.is_active
  UNION ALL
  SELECT c.of_id, a.path || c.of_id
  FROM acting a JOIN approvals_cover c ON c.by_id = a.principal AND {IN_FORCE}
  JOIN auth_user o ON o.id = c.of_id AND o.is_active
  WHERE c.of_id <> ALL (a.path) AND cardinality(a.path) <= {LONGEST}
), may AS MATERIALIZED (
  SELECT k.id AS asked_id, k.approval_id, k.stage, t.name AS team, a.principal, a.path, FALSE AS override,
    CASE WHEN cardinality(a.path) = 1 THEN k.stage || '/' || coalesce(nullif(k.passed_up_from, ''), t.name) ELSE '' END
      AS place
  FROM acting a
  JOIN auth_user_groups g ON g.user_id = a.principal
  JOIN cases_team t ON t.group_id = g.group_id
  JOIN approvals_asked k ON k.team_id = t.id AND NOT k.closed
  UNION ALL
  SELECT k.id, k.approval_id, k.stage, t.name, a.principal, a.path, TRUE, ''
  FROM acting a
  JOIN approvals_cover c ON c.by_id = a.principal AND {IN_FORCE}
  JOIN cases_team t ON t.id = c.team_id AND {EMPTY}
  JOIN approvals_asked k ON k.team_id = t.id AND NOT k.closed
  WHERE cardinality(a.path) = 1
  UNION ALL
  SELECT NULL, n.approval_id, 0, t.name, a.principal, a.path, FALSE, ''
  FROM acting a
  JOIN approvals_named n ON n.user_id = a.principal
  JOIN cases_team t ON t.id = n.team_id
  JOIN auth_user_groups g ON g.user_id = n.user_id AND g.group_id = t.group_id
)"""
_NOT_BARRED = """
FROM may m
JOIN approvals_approval p ON p.id = m.approval_id AND p.state = 'waiting'
JOIN agents_proposal r ON r.id = p.proposal_id AND (r.proposer_user_id IS NULL OR r.proposer_user_id <> ALL (m.path))
JOIN cases_case k ON k.id = p.case_id AND (k.opened_by_id IS NULL OR k.opened_by_id <> ALL (m.path))
JOIN auth_user o ON o.id = m.principal
WHERE NOT EXISTS (
  SELECT 1 FROM approvals_decision d
  WHERE d.approval_id = p.id AND d.undone_at IS NULL AND (d.user_id = ANY (m.path) OR d.covering_id = ANY (m.path))
  AND (p.exclusive OR m.place = '' OR d.place IN ('', m.place)))
"""
# Worked out once, whatever the planner believes of tables that grew since it last looked: never for each row of a list.
WAITING_FOR = f"{_MAY}, waits AS MATERIALIZED (SELECT m.approval_id {_NOT_BARRED}) SELECT approval_id FROM waits"
# Put aside by this person, and nothing changed since, and neither the time set nor the deadline has come.
_SNOOZED = """EXISTS (
  SELECT 1 FROM approvals_attention s WHERE s.approval_id = p.id AND s.user_id = %s AND s.snoozed_at IS NOT NULL
  AND s.snoozed_at >= coalesce(p.changed_at, p.created_at)
  AND least(s.until, p.due_at, 'infinity') > statement_timestamp())"""
_LISTED = f"{_NOT_BARRED} AND NOT {_SNOOZED}"
LISTED_FOR = f"{_MAY}, waits AS MATERIALIZED (SELECT m.approval_id {_LISTED}) SELECT approval_id FROM waits"
_TURNS = f"""{_MAY}
SELECT DISTINCT ON (p.id) p.id, p.due_at, m.team, m.stage, m.principal, o.username, o.first_name, o.last_name,
  m.override, {_SNOOZED}, CASE WHEN p.exclusive THEN '' ELSE m.place END
{_NOT_BARRED}"""
_ORDER = " ORDER BY p.id, cardinality(m.path), m.override, m.stage, m.asked_id"


@dataclass(frozen=True, slots=True)
class Turn:
    """One approval that a person may answer now, and as whom. `covering_id` is None for one's own authority."""

    approval_id: UUID
    due_at: datetime | None
    team: str
    stage: int
    covering_id: int | None
    covering: str  # the label, as in the ledger; '' for one's own authority
    username: str  # of the covered person; '' for one's own authority
    override: bool
    snoozed: bool
    place: str = ""  # which of several stages it answers, where a person may answer for several; else ''

    @property
    def name(self) -> str:
        return self.covering.split(" (", 1)[0]


def turns(user: Any, approval_id: Any = None) -> list[Turn]:
    """What `user` may answer now, the earliest deadline first; one's own authority goes before cover. One query."""
    sql, values = _TURNS, [user.pk, user.pk]
    if approval_id is not None:
        sql, values = sql + " AND p.id = %s", [*values, approval_id]
    rows = execute(numbered(sql + _ORDER), [str(value) for value in values])
    found = [
        Turn(
            approval_id=pk,
            due_at=due_at,
            team=team,
            stage=stage,
            covering_id=None if principal == user.pk else principal,
            covering="" if principal == user.pk else label(username, first, last),
            username="" if principal == user.pk else username,
            override=override,
            snoozed=snoozed,
            place=place,
        )
        for pk, due_at, team, stage, principal, username, first, last, override, snoozed, place in rows
    ]
    return sorted(found, key=lambda turn: (turn.due_at is None, turn.due_at, turn.approval_id.int))


def label(username: str, first: str, last: str) -> str:
    """The name as the ledger has it."""
    name = f"{first} {last}".strip()
    return f"{name or username} ({username})"


# ---------------------------------------------------------------------- sight

_COVERERS = f"""
WITH RECURSIVE start AS (
  SELECT DISTINCT k.case_id, g.user_id, t.id AS team_id
  FROM ({{asked}}) k JOIN cases_team t ON t.id = k.team_id LEFT JOIN auth_user_groups g ON g.group_id = t.group_id
  {{named}}
), reached (case_id, person, path) AS (
  SELECT DISTINCT s.case_id, s.user_id, ARRAY[s.user_id]
  FROM start s JOIN auth_user u ON u.id = s.user_id AND u.is_active
  UNION ALL
  SELECT r.case_id, c.by_id, r.path || c.by_id
  FROM reached r JOIN approvals_cover c ON c.of_id = r.person AND {IN_FORCE}
  JOIN auth_user u ON u.id = c.by_id AND u.is_active
  WHERE c.by_id <> ALL (r.path) AND cardinality(r.path) <= {LONGEST}
), wanted AS (
  SELECT DISTINCT case_id, person FROM reached WHERE cardinality(path) > 1
  UNION
  SELECT s.case_id, c.by_id FROM start s
  JOIN cases_team t ON t.id = s.team_id AND {EMPTY}
  JOIN approvals_cover c ON c.team_id = s.team_id AND {IN_FORCE}
)"""
_OF_CASE = "SELECT %s::bigint AS case_id, unnest(%s::bigint[]) AS team_id"
_OF_ALL = """SELECT p.case_id, a.team_id FROM approvals_asked a JOIN approvals_approval p ON p.id = a.approval_id"""
_NAMED = """UNION
  SELECT p.case_id, n.user_id, NULL::bigint FROM approvals_named n
  JOIN approvals_approval p ON p.id = n.approval_id
  JOIN cases_team t ON t.id = n.team_id
  JOIN auth_user_groups g ON g.user_id = n.user_id AND g.group_id = t.group_id"""


def _coverers(which: str) -> str:
    """Who covers for somebody of the teams asked, or for who was named, in the approvals that `which` chooses."""
    return _COVERERS.format(asked=f"{_OF_ALL} WHERE {which}", named=f"{_NAMED} WHERE {which}")


GIVE_SIGHT = f"""{_COVERERS.format(asked=_OF_CASE, named="")}
INSERT INTO cases_casesight (case_id, team_id, user_id, reason, at)
SELECT %s::bigint, t, NULL::integer, 'asked', %s::timestamptz FROM unnest(%s::bigint[]) t
UNION ALL
SELECT case_id, NULL::bigint, person, 'cover', %s::timestamptz FROM wanted
ORDER BY 2, 3
ON CONFLICT DO NOTHING"""
_ADD = """
INSERT INTO cases_casesight (case_id, team_id, user_id, reason, at)
SELECT case_id, NULL::bigint, person, 'cover', clock_timestamp() FROM wanted ORDER BY case_id, person
ON CONFLICT DO NOTHING"""
ADD_SIGHT = _coverers("p.state = 'waiting'") + _ADD
ADD_SIGHT_OF_CASE = _coverers("p.state = 'waiting' AND p.case_id = %s") + _ADD
_HELD_BY_COVER = "p.case_id IN (SELECT case_id FROM cases_casesight WHERE reason = 'cover')"
END_SIGHT = f"""{_coverers(_HELD_BY_COVER)}
DELETE FROM cases_casesight s WHERE s.reason = 'cover'
AND NOT EXISTS (SELECT 1 FROM wanted w WHERE w.case_id = s.case_id AND w.person = s.user_id)
AND NOT EXISTS (
  SELECT 1 FROM approvals_decision d JOIN approvals_approval p ON p.id = d.approval_id
  WHERE p.case_id = s.case_id AND d.user_id = s.user_id)"""
