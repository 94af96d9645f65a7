"""What a routing document must keep to before anything can follow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.errors import InvalidExpression, InvalidRouting
from domain.expressions import parse
from domain.ids import is_name
from domain.policy_rules import Fault
from domain.rounds import MAX_REVIEWS_PER_RECORD
from domain.routing import GENERAL, MAX_LEVEL, RECORDS_OWN, Queue, Routing, Rule

MAX_QUEUES = 50
MAX_RULES = 100
MAX_TEXT = 2_000
MAX_HOURS = 24.0 * 366
MAX_PRIORITY = 100

Path = tuple[str | int, ...]


def check_routing(routing: Routing) -> Routing:
    """The routing if it can be followed. Raises InvalidRouting with the first fault otherwise."""
    for fault in faults(routing):
        where = ".".join(str(part) for part in fault.path)
        raise InvalidRouting(
            f"{where}: {fault.message}" if where else fault.message, hint=fault.hint
        )
    return routing


def faults(routing: Routing) -> Iterator[Fault]:
    """All that is wrong with the routing, in the order of the document."""
    if not is_name(routing.name):
        yield Fault(path=("name",), message=f"“{routing.name}” cannot be a name", hint=_NAMES)
    if len(routing.description) > MAX_TEXT:
        yield Fault(path=("description",), message=f"is longer than {MAX_TEXT:,} characters")
    for what, most in (("queues", MAX_QUEUES), ("rules", MAX_RULES)):
        if len(getattr(routing, what)) > most:
            yield Fault(path=(what,), message=f"there are more than {most}")
    names = [queue.name for queue in routing.queues]
    for place, queue in enumerate(routing.queues[:MAX_QUEUES]):
        path: Path = ("queues", place)
        if names.index(queue.name) != place:
            yield Fault(path=(*path, "name"), message=f"there is a queue “{queue.name}” already")
        yield from _queue(queue, path)
    for place, rule in enumerate(routing.rules[:MAX_RULES]):
        yield from _rule(rule, ("rules", place), known={GENERAL, *names})


_NAMES = "1 to 63 lower-case letters, digits, points, dashes and underscores"


def _queue(queue: Queue, path: Path) -> Iterator[Fault]:
    if not is_name(queue.name):
        yield Fault(path=(*path, "name"), message=f"“{queue.name}” cannot be a name", hint=_NAMES)
    if len(queue.description) > MAX_TEXT:
        yield Fault(path=(*path, "description"), message=f"is longer than {MAX_TEXT:,} characters")
    yield from _expertise(queue.expertise, path)
    for place, language in enumerate(queue.languages):
        if not is_name(language):
            yield Fault(path=(*path, "languages", place), message="is no code of a language")


def _rule(rule: Rule, path: Path, *, known: set[str]) -> Iterator[Fault]:
    if rule.when:
        try:
            parse(rule.when)
        except InvalidExpression as error:
            yield Fault(path=(*path, "when"), message=error.message, hint=error.hint)
    if rule.queue and rule.queue not in known:
        yield Fault(
            path=(*path, "queue"),
            message=f"there is no queue “{rule.queue}”",
            hint="the queues are: " + ", ".join(sorted(known)),
        )
    if rule.reviews is not None and not 1 <= rule.reviews <= MAX_REVIEWS_PER_RECORD:
        yield Fault(
            path=(*path, "reviews"), message=f"is a number from 1 to {MAX_REVIEWS_PER_RECORD}"
        )
    if rule.hours is not None and not 0.0 < rule.hours <= MAX_HOURS:
        yield Fault(path=(*path, "hours"), message="is a time of up to a year, in hours")
    if rule.priority is not None and abs(rule.priority) > MAX_PRIORITY:
        yield Fault(
            path=(*path, "priority"),
            message=f"is a number from -{MAX_PRIORITY} to {MAX_PRIORITY}",
        )
    if rule.language and rule.language != RECORDS_OWN and not is_name(rule.language):
        yield Fault(
            path=(*path, "language"),
            message=f"“{rule.language}” is no code of a language",
            hint=f"write a code such as de, or {RECORDS_OWN} for the record's own",
        )
    yield from _expertise(rule.expertise, path)


def _expertise(expertise: Mapping[str, int], path: Path) -> Iterator[Fault]:
    for domain, level in expertise.items():
        if not is_name(domain):
            yield Fault(
                path=(*path, "expertise", domain), message="cannot be a domain", hint=_NAMES
            )
        if not 1 <= level <= MAX_LEVEL:
            yield Fault(
                path=(*path, "expertise", domain),
                message=f"the level is a number from 1 to {MAX_LEVEL}",
            )
