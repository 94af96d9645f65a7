"""A person's profile in the terminal: read from options, and shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domain.errors import InvalidInput
from domain.routing import Clearance


def changed_profile(
    found: dict[str, Any],
    *,
    expertise: Iterable[str] | None,
    languages: Iterable[str] | None,
    clearance: Clearance | None,
    capacity: int | None,
    away: Iterable[str] | None,
) -> dict[str, Any]:
    """The profile `found` with what the options say; what they leave out stays.

    Raises InvalidInput.
    """
    changed = {
        key: found[key]
        for key in ("expertise", "languages", "clearance", "capacity_per_day", "absences")
    }
    levels = dict(_level(text) for text in expertise or ())
    changed["expertise"] = {
        domain: level for domain, level in {**changed["expertise"], **levels}.items() if level
    }
    if languages is not None:
        changed["languages"] = sorted({each.lower() for each in languages})
    if clearance is not None:
        changed["clearance"] = clearance.value
    if capacity is not None:
        changed["capacity_per_day"] = capacity or None
    if away is not None:
        changed["absences"] = [_absence(text) for text in away if text != "none"]
    return changed


def profile_facts(found: dict[str, Any]) -> list[tuple[str, object]]:
    """What a person brings, in words."""
    expertise = ", ".join(f"{domain} {level}" for domain, level in found["expertise"].items())
    away = ", ".join(f"{each['first']} to {each['last']}" for each in found["absences"])
    return [
        ("expertise", expertise or "–"),
        ("languages", ", ".join(found["languages"]) or "–"),
        ("clearance", found["clearance"]),
        ("answers a day", found["capacity_per_day"] or "as many as there are"),
        ("away", away or "–"),
        *(
            (f"under {each['schema']}", f"{each['standing']}: {each['reason']}")
            for each in found["standings"]
        ),
    ]


def _level(text: str) -> tuple[str, int]:
    domain, equals, level = text.partition("=")
    if not equals or not level.isdigit():
        raise InvalidInput(f"“{text}” is no expertise", hint="write domain=level: support=3")
    return domain, int(level)


def _absence(text: str) -> dict[str, str]:
    first, dots, last = text.partition("..")
    return {"first": first, "last": last if dots else first}
