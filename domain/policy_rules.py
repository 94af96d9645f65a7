"""What a sampling policy must keep to before anything can follow it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from domain.arms import LEVELS, RANDOM_ARM, Arm, ArmKind, Signal
from domain.errors import InvalidExpression, InvalidPolicy
from domain.expressions import Expression, parse
from domain.ids import is_name
from domain.policy import MAX_BATCH, MIN_RANDOM_SHARE, Gate, Limit, SamplingPolicy

MAX_ARMS = 20
MAX_TEXT = 2_000
MAX_LIMITS = 200
MAX_GATES = 20

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that is wrong with a policy, and at which place of the document."""

    path: Path
    message: str
    hint: str = ""


def check_policy(policy: SamplingPolicy) -> SamplingPolicy:
    """The policy if it can be followed. Raises InvalidPolicy with the first fault otherwise.

    The error's context has `path`, the place of the fault, and `faults`, all of them.
    """
    found = list(faults(policy))
    if found:
        first = found[0]
        raise InvalidPolicy(
            f"{_spelled(first.path)}: {first.message}" if first.path else first.message,
            hint=first.hint,
            path=list(first.path),
            faults=[{"path": list(each.path), "message": each.message} for each in found],
        )
    return policy


def faults(policy: SamplingPolicy) -> Iterator[Fault]:
    """All that is wrong with the policy, in the order of the document."""
    yield from _itself(policy)
    yield from _arms(policy)
    for place, limit in enumerate(policy.limits[:MAX_LIMITS]):
        yield from _limit(limit, ("limits", place), policy.batch_size)
    if len(policy.limits) > MAX_LIMITS:
        yield Fault(path=("limits",), message=f"there are more than {MAX_LIMITS}")
    yield from _near_duplicates(policy)
    for name in ("out_of_scope", "where"):
        yield from _expression(getattr(policy.exclusions, name), ("exclusions", name))
    yield from _guards(policy)
    if len(policy.gates) > MAX_GATES:
        yield Fault(path=("gates",), message=f"there are more than {MAX_GATES}")
    for place, gate in enumerate(policy.gates[:MAX_GATES]):
        yield from _gate(gate, ("gates", place))
    yield from _scales(policy)
    if not (math.isfinite(policy.half_life_days) and policy.half_life_days > 0):
        yield Fault(path=("half_life_days",), message="must be above 0")
    yield from _expression(policy.production, ("production",))


def expressions(policy: SamplingPolicy) -> list[Expression]:
    """Every expression of a valid policy, to see which columns it needs."""
    texts = [
        policy.exclusions.out_of_scope,
        policy.exclusions.where,
        policy.production,
        *(arm.where for arm in policy.arms),
    ]
    return [parse(text) for text in texts if text]


def _itself(policy: SamplingPolicy) -> Iterator[Fault]:
    if not is_name(policy.name):
        yield Fault(
            path=("name",),
            message=f"{policy.name!r} cannot be a name",
            hint="1 to 63 lower-case letters, digits, points, dashes and underscores",
        )
    if len(policy.description) > MAX_TEXT:
        yield Fault(path=("description",), message=f"is longer than {MAX_TEXT:,} characters")
    if not 1 <= policy.batch_size <= MAX_BATCH:
        yield Fault(
            path=("batch_size",),
            message=f"is {policy.batch_size:,}; it must be 1 to {MAX_BATCH:,}",
        )
    if not 0 <= policy.seed < 2**63:
        yield Fault(path=("seed",), message="must be a whole number from 0 to 2^63 - 1")


def _arms(policy: SamplingPolicy) -> Iterator[Fault]:
    if not 1 <= len(policy.arms) <= MAX_ARMS:
        yield Fault(path=("arms",), message=f"there must be 1 to {MAX_ARMS}")
    names = [arm.name for arm in policy.arms]
    for place, arm in enumerate(policy.arms):
        path: Path = ("arms", place)
        if arm.name in names[:place]:
            yield Fault(path=(*path, "name"), message=f"“{arm.name}” is named twice")
        yield from _arm(arm, path)
    if sum(arm.kind is ArmKind.RANDOM for arm in policy.arms) != 1:
        yield Fault(
            path=("arms",),
            message="there must be exactly one arm of kind random",
            hint="without a random baseline nobody can say whether the other labels were worth it",
        )
    total = math.fsum(arm.share for arm in policy.arms if 0.0 < arm.share <= 1.0)
    if not abs(total - 1.0) <= 1e-6:
        yield Fault(
            path=("arms",),
            message=f"the shares add up to {total:.6g}, not to 1",
            hint="make the shares of the arms add up to 1",
        )


def _arm(arm: Arm, path: Path) -> Iterator[Fault]:
    if not is_name(arm.name):
        yield Fault(path=(*path, "name"), message=f"{arm.name!r} cannot be a name")
    if (arm.name == RANDOM_ARM) is not (arm.kind is ArmKind.RANDOM):
        yield Fault(path=(*path, "name"), message="“random” names the arm of kind random alone")
    if not 0.0 < arm.share <= 1.0:
        yield Fault(path=(*path, "share"), message="must be above 0 and at most 1")
    if arm.kind is ArmKind.RANDOM:
        yield from _random_arm(arm, path)
        return
    for signal, weight in arm.signals.items():
        if not (math.isfinite(weight) and weight > 0):
            yield Fault(path=(*path, "signals", signal.value), message="a weight is above 0")
    yield from _expression(arm.where, (*path, "where"))


def _random_arm(arm: Arm, path: Path) -> Iterator[Fault]:
    if arm.share < MIN_RANDOM_SHARE:
        yield Fault(
            path=(*path, "share"),
            message=f"is {arm.share:.1%}; at least {MIN_RANDOM_SHARE:.0%} must be random",
            hint="without a random baseline nobody can say whether the other labels were worth it",
        )
    for name in ("signals", "combine", "where", "diversity", "weights"):
        if getattr(arm, name):
            yield Fault(
                path=(*path, name),
                message="the random arm is a fair draw from all eligible records",
                hint=f"leave {name} out; to leave records out, use exclusions",
            )


def _limit(limit: Limit, path: Path, batch_size: int) -> Iterator[Fault]:
    if not limit.column.strip():
        yield Fault(path=(*path, "column"), message="is empty")
    for name in ("column", "value"):
        if len(getattr(limit, name)) > MAX_TEXT:
            yield Fault(path=(*path, name), message=f"is longer than {MAX_TEXT:,} characters")
    bounds = (limit.min_records, limit.max_records, limit.min_share, limit.max_share)
    if all(bound is None for bound in bounds):
        yield Fault(
            path=path,
            message="sets no bound",
            hint="give min_records, max_records, min_share or max_share",
        )
    for name in ("min_records", "max_records"):
        records = getattr(limit, name)
        if records is not None and records < 0:
            yield Fault(path=(*path, name), message="is negative")
    beyond = [
        fault
        for name in ("min_share", "max_share")
        for fault in _unit(getattr(limit, name), (*path, name))
    ]
    yield from beyond
    if beyond or not 1 <= batch_size <= MAX_BATCH:
        return  # the bounds cannot be reckoned
    if limit.at_least(batch_size) > limit.at_most(batch_size):
        yield Fault(path=path, message="demands more than it allows")


def _near_duplicates(policy: SamplingPolicy) -> Iterator[Fault]:
    for name in ("text", "embedding"):
        value = getattr(policy.near_duplicates, name)
        if value is not None and not 0.5 <= value <= 1.0:
            yield Fault(path=("near_duplicates", name), message="must be 0.5 to 1")


def _guards(policy: SamplingPolicy) -> Iterator[Fault]:
    names = ("max_weakness_share", "weakness_similarity", "max_ambiguous_share", "region_share")
    for name in names:
        yield from _unit(getattr(policy.guards, name), ("guards", name))
    if not 2 <= policy.guards.region_rounds <= 100:
        yield Fault(path=("guards", "region_rounds"), message="must be 2 to 100")


def _gate(gate: Gate, path: Path) -> Iterator[Fault]:
    if gate.at_least is None and gate.at_most is None:
        yield Fault(path=path, message="sets no threshold", hint="give at_least or at_most")
    for name in ("at_least", "at_most"):
        yield from _unit(getattr(gate, name), (*path, name))


def _scales(policy: SamplingPolicy) -> Iterator[Fault]:
    for signal, scale in policy.scales.items():
        path: Path = ("scales", Signal(signal).value)
        if signal not in LEVELS:
            wanted = ", ".join(sorted(LEVELS))
            yield Fault(path=path, message="only levels have a scale", hint=f"these are: {wanted}")
        if not (math.isfinite(scale.low) and math.isfinite(scale.high) and scale.low < scale.high):
            yield Fault(path=path, message="low must be below high")


def _expression(text: str, path: Path) -> Iterator[Fault]:
    if not text:
        return
    try:
        parse(text)
    except InvalidExpression as error:
        yield Fault(path=path, message=error.message, hint=error.hint)


def _unit(value: float | None, path: Path) -> Iterator[Fault]:
    if value is not None and not 0.0 <= value <= 1.0:
        yield Fault(path=path, message=f"is {value:g}; it must be 0 to 1")


def _spelled(path: Path) -> str:
    """`arms[2].share`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
