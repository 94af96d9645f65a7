"""What a person brings to reviewing: expertise, languages, clearance, and when they are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from domain.errors import InvalidProfile
from domain.ids import AccountId, is_name
from domain.routing import MAX_LEVEL, Clearance, Requirement

MAX_DOMAINS = 50
MAX_LANGUAGES = 50
MAX_ABSENCES = 20
MAX_CAPACITY = 10_000


@dataclass(frozen=True, kw_only=True)
class Absence:
    """Days on which nobody counts on the person; both belong to it."""

    first: date
    last: date


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One person's. Who has none brings nothing special, and is there every day."""

    account_id: AccountId
    expertise: dict[str, int] = field(default_factory=dict)
    """Domain → level, 1 to 5."""
    languages: tuple[str, ...] = ()
    """Codes as the records' metadata have them: `de`, `pt-br`."""
    clearance: Clearance = Clearance.PUBLIC
    capacity_per_day: int | None = None
    """Answers a day (UTC) from which on no more tasks are given; none: as many as there are."""
    absences: tuple[Absence, ...] = ()

    def away(self, day: date) -> Absence | None:
        """The absence that `day` belongs to."""
        return next((each for each in self.absences if each.first <= day <= each.last), None)

    def lacks(self, requirement: Requirement) -> list[str]:
        """What the requirement demands and this person does not bring, in words."""
        return requirement.missing(
            expertise=self.expertise, clearance=self.clearance, languages=self.languages
        )


class Standing(StrEnum):
    """How far a person's answers under a label schema may be relied on."""

    UNTRIED = "untried"
    PASSED = "passed"
    """The calibration set was passed."""
    PAUSED = "paused"
    """Too many answers to records with known answers were wrong: no tasks until a lead says so."""


def check_profile(profile: Profile) -> Profile:
    """The profile in its usual form: sorted, lower-case languages. Raises InvalidProfile."""
    _check_expertise(profile.expertise)
    languages = tuple(sorted({each.strip().lower() for each in profile.languages}))
    if len(languages) > MAX_LANGUAGES or not all(map(is_name, languages)):
        raise InvalidProfile(
            f"languages are at most {MAX_LANGUAGES} codes of lower-case letters",
            hint="write them as the records' metadata do: de, fr, pt-br",
        )
    if profile.capacity_per_day is not None and not 1 <= profile.capacity_per_day <= MAX_CAPACITY:
        raise InvalidProfile(
            f"a day's capacity is a number from 1 to {MAX_CAPACITY:,}",
            hint="to give somebody nothing at all, note when they are away",
        )
    return replace(
        profile,
        expertise=dict(sorted(profile.expertise.items())),
        languages=languages,
        absences=_checked_absences(profile.absences),
    )


def _check_expertise(expertise: Mapping[str, int]) -> None:
    if len(expertise) > MAX_DOMAINS:
        raise InvalidProfile(f"expertise is in at most {MAX_DOMAINS} domains")
    for domain, level in expertise.items():
        if not is_name(domain):
            raise InvalidProfile(
                f"“{domain}” cannot be a domain of expertise",
                hint="1 to 63 lower-case letters, digits, points, dashes and underscores",
            )
        if isinstance(level, bool) or not 1 <= level <= MAX_LEVEL:
            raise InvalidProfile(f"the level of {domain} is a number from 1 to {MAX_LEVEL}")


def _checked_absences(absences: Iterable[Absence]) -> tuple[Absence, ...]:
    ordered = tuple(sorted(absences, key=lambda each: (each.first, each.last)))
    if len(ordered) > MAX_ABSENCES:
        raise InvalidProfile(f"at most {MAX_ABSENCES} absences are noted")
    for each in ordered:
        if each.last < each.first:
            raise InvalidProfile(f"an absence ends on {each.last}, before it begins")
    return ordered
