"""Which states of a document are kept once its log rows are too old.

    younger than HISTORY_DAYS          every row
    then, up to HISTORY_HOURLY_DAYS    the last state of each hour
    then, up to HISTORY_DAILY_DAYS     the last state of each day

Hours and days are those of UTC. Moments and versions come in with the time that it is, a plan goes out.
Versions that somebody named are never in it. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from store.history_contract import Moment, Version, VersionKind

Kept = TypeVar("Kept", Moment, Version)


@dataclass(frozen=True, slots=True)
class Rules:
    """Ages up to which rows, hourly and daily versions are kept."""

    rows: timedelta
    hourly: timedelta
    daily: timedelta

    def rows_since(self, now: datetime) -> datetime:
        """The start of an hour: rows before it may go. So an hour is thinned when it is over."""
        return (now - self.rows).astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Plan:
    """Moments of which a version is to be made, and versions that are to be forgotten, in this order."""

    make: tuple[Moment, ...]
    forget: tuple[UUID, ...]


def plan(hours: Sequence[Moment], versions: Sequence[Version], rules: Rules, now: datetime) -> Plan:
    """What to do before the rows up to the last of `hours` are deleted.

    `hours` are the last rows of hours whose rows are too old. The newest of all states is kept whatever
    its age, since the rows after it lead on from there.
    """
    automatic = [version for version in versions if version.kind is VersionKind.AUTOMATIC]
    known = {version.seq for version in automatic}
    new = [moment for moment in hours if moment.seq not in known]
    kept = _last_of_each(sorted((*new, *automatic), key=lambda state: state.seq), rules, now)
    return Plan(
        make=tuple(moment for moment in new if moment.seq in kept),
        forget=(
            *(version.id for version in automatic if version.seq not in kept),
            *(
                version.id
                for version in versions
                if version.kind is VersionKind.SAFETY and now - version.created_at > rules.daily
            ),
        ),
    )


def _last_of_each(states: Sequence[Moment | Version], rules: Rules, now: datetime) -> set[int]:
    """The seqs of the last states of their hour or day, and of the very last one."""
    last: dict[Hashable, int] = {}
    for state in states:
        at = state.at.astimezone(UTC)
        age = now - at
        if age <= rules.hourly:
            last["hour", at.date(), at.hour] = state.seq
        elif age <= rules.daily:
            last["day", at.date()] = state.seq
    return {*last.values(), *(state.seq for state in states[-1:])}
