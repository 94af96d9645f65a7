"""Routing: who may and should judge which record, how many of them, and by when.

The rules are a versioned document that a round pins. Rules add up: a record must be judged by
people who meet what every rule that is true of it demands. Queue, number of reviews, deadline and
priority come from the first such rule that names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from domain.canonical import Sha256, digest
from domain.expressions import Expression, Row, holds, parse

Value = TypeVar("Value")

GENERAL = "general"
"""The queue of records that no rule sends elsewhere."""

MAX_LEVEL = 5
RECORDS_OWN = "record"
"""As a rule's language: the one that the record's metadata name."""


class Clearance(StrEnum):
    """How sensitive a record a person may see; each includes those before it."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"

    @property
    def level(self) -> int:
        return list(Clearance).index(self)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """What a person must bring for a record. Never relaxed."""

    expertise: dict[str, int] = field(default_factory=dict)
    """Domain → least level, 1 to 5."""
    clearance: Clearance = Clearance.PUBLIC
    languages: tuple[str, ...] = ()
    """All of them."""

    def __and__(self, other: Requirement) -> Requirement:
        """Both together."""
        domains = sorted({*self.expertise, *other.expertise})
        return Requirement(
            expertise={
                domain: max(self.expertise.get(domain, 0), other.expertise.get(domain, 0))
                for domain in domains
            },
            clearance=max(self.clearance, other.clearance, key=lambda each: each.level),
            languages=tuple(sorted({*self.languages, *other.languages})),
        )

    def includes(self, other: Requirement) -> bool:
        """Whether whoever brings this brings the other too."""
        return not other.missing(
            expertise=self.expertise, clearance=self.clearance, languages=self.languages
        )

    @property
    def needs(self) -> list[str]:
        """All that is demanded, in words."""
        return self.missing(expertise={}, clearance=Clearance.PUBLIC, languages=())

    def missing(
        self, *, expertise: Mapping[str, int], clearance: Clearance, languages: Iterable[str]
    ) -> list[str]:
        """What somebody with these lacks, in words; empty: they qualify."""
        spoken = set(languages)
        lacks = [
            f"{domain} at level {level}"
            for domain, level in self.expertise.items()
            if expertise.get(domain, 0) < level
        ]
        if clearance.level < self.clearance.level:
            lacks.append(f"clearance for {self.clearance} records")
        return lacks + [f"the language {each}" for each in self.languages if each not in spoken]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What becomes of the records that an expression is true of."""

    when: str = ""
    """Over metadata columns, `predicted` and `arm`; empty: of every record."""
    queue: str = ""
    reviews: int | None = None
    """People who judge the record independently, before anybody adjudicates."""
    hours: float | None = None
    """From the opening of the record's tasks to its deadline."""
    priority: int | None = None
    """Higher comes first; 0 where nobody says."""
    expertise: dict[str, int] = field(default_factory=dict)
    clearance: Clearance = Clearance.PUBLIC
    language: str = ""
    """A language that is needed; `record`: the record's own."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A named stream of tasks. What it demands is demanded of every record in it."""

    name: str
    description: str = ""
    expertise: dict[str, int] = field(default_factory=dict)
    clearance: Clearance = Clearance.PUBLIC
    languages: tuple[str, ...] = ()

    @property
    def requirement(self) -> Requirement:
        return Requirement(
            expertise=dict(self.expertise), clearance=self.clearance, languages=self.languages
        )


@dataclass(frozen=True, kw_only=True)
class Routing:
    """The document: queues and rules."""

    name: str
    version: int = 1
    """Given by the system: each change is the next version."""
    description: str = ""
    queues: tuple[Queue, ...] = ()
    """`general` is always there."""
    rules: tuple[Rule, ...] = ()

    @property
    def digest(self) -> Sha256:
        return digest(self)

    def queue(self, name: str) -> Queue:
        """The queue of that name; one without demands where the document has none."""
        return next((each for each in self.queues if each.name == name), Queue(name=name))


EVERYBODY = Routing(name="everybody", description="Every reviewer may judge every record.")
"""What a round follows that names no routing."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where one record goes. Records of equal routes share a lane."""

    queue: str = GENERAL
    requirement: Requirement = field(default_factory=Requirement)
    reviews: int
    seconds: float
    priority: int = 0


@dataclass(frozen=True, kw_only=True)
class Lane:
    """What records of equal routes have in common: tasks of a lane are offered to the same people.

    Reviews and deadline are the records' own.
    """

    number: int
    queue: str = GENERAL
    requirement: Requirement = field(default_factory=Requirement)
    priority: int = 0


def forwarded(own: Lane, queue: Queue, *, number: int) -> Lane:
    """The lane in which records of lane `own` wait once they are sent to `queue`.

    What they demanded before they demand there too.
    """
    return Lane(
        number=number,
        queue=queue.name,
        requirement=own.requirement & queue.requirement,
        priority=own.priority,
    )


def lanes_of(routes: Iterable[Route]) -> tuple[list[Lane], list[int]]:
    """The lanes that the routes need, numbered as they first appear, and the lane of each route."""
    numbers: dict[Sha256, int] = {}
    lanes: list[Lane] = []
    taken: list[int] = []
    for route in routes:
        key = digest([route.queue, route.requirement, route.priority])
        if key not in numbers:
            numbers[key] = len(lanes)
            lanes.append(
                Lane(
                    number=len(lanes),
                    queue=route.queue,
                    requirement=route.requirement,
                    priority=route.priority,
                )
            )
        taken.append(numbers[key])
    return lanes, taken


def nobody_barred(record: Row) -> Clearance:
    """The level of every record, where records have none."""
    del record
    return Clearance.PUBLIC


class Router:
    """A routing document, read once, for many records."""

    def __init__(
        self,
        routing: Routing,
        *,
        reviews: int,
        seconds: float,
        floor: Callable[[Row], Clearance] = nobody_barred,
    ) -> None:
        """`reviews` and `seconds` are the round's own, for records of which no rule says more.

        `floor` is the clearance that a record demands whatever the rules say. Raises
        InvalidExpression.
        """
        self._floor = floor
        self._routing = routing
        self._reviews = reviews
        self._seconds = seconds
        self._rules: list[tuple[Expression | None, Rule]] = [
            (parse(rule.when) if rule.when else None, rule) for rule in routing.rules
        ]

    def route(self, record: Row) -> Route:
        """The route of a record with this metadata, `predicted` and `arm`."""
        rules = [
            rule for condition, rule in self._rules if condition is None or holds(condition, record)
        ]
        queue = next((rule.queue for rule in rules if rule.queue), GENERAL)
        requirement = self._routing.queue(queue).requirement
        requirement &= Requirement(clearance=self._floor(record))
        for rule in rules:
            requirement &= _demanded(rule, record)
        return Route(
            queue=queue,
            requirement=requirement,
            reviews=_first((rule.reviews for rule in rules), self._reviews),
            seconds=_first(
                (None if rule.hours is None else rule.hours * 3600.0 for rule in rules),
                self._seconds,
            ),
            priority=_first((rule.priority for rule in rules), 0),
        )


def _demanded(rule: Rule, record: Row) -> Requirement:
    language = record.get("language") if rule.language == RECORDS_OWN else rule.language
    return Requirement(
        expertise=dict(rule.expertise),
        clearance=rule.clearance,
        languages=(str(language),) if language else (),
    )


def _first(values: Iterable[Value | None], otherwise: Value) -> Value:
    return next((each for each in values if each is not None), otherwise)
