"""Duties that one account should not hold together, though no single act would break a rule.

The rules keep each act apart: nobody approves what they asked for. Who holds both duties may still
do the one for a colleague who does the other in turn, which a review of access should see.
Source: NIST SP 800-53 Rev. 5, AC-5, "Separation of Duties".
"""

from __future__ import annotations

from collections.abc import Collection

from domain.accounts import Permission, Role, permissions

APART: tuple[tuple[Permission, Permission], ...] = (
    (Permission.START_ROUND, Permission.APPROVE),
    (Permission.DEFINE, Permission.APPROVE_POLICIES),
    (Permission.REVIEW, Permission.ADJUDICATE),
    (Permission.REVIEW, Permission.APPROVE),
    (Permission.MANAGE_ACCOUNTS, Permission.APPROVE),
)


def conflicts(roles: Collection[Role]) -> list[str]:
    """Each pair of duties that the roles hold and that belong apart, in words."""
    held = permissions(roles)
    return [f"may {one.value} and {other.value}" for one, other in APART if {one, other} <= held]
