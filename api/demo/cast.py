"""Who takes part: an account each, because nobody may do two people's part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from api.demo.client import Person
from api.demo.people import Judge
from domain.accounts import Role

REQUESTER, ADJUDICATOR, APPROVER, AUDITOR = "Ada", "Farah", "Goran", "Hana"
REVIEWERS: Mapping[str, float] = {"Bruno": 0.02, "Chika": 0.04, "Dilan": 0.08, "Emre": 0.12}
"""Simulated reviewers and the share of digits that each gets wrong."""
ADJUDICATOR_ERROR_RATE = 0.01

SIMULATED: Mapping[str, Role] = {
    REQUESTER: Role.REQUESTER,
    **dict.fromkeys(REVIEWERS, Role.REVIEWER),
    ADJUDICATOR: Role.ADJUDICATOR,
    APPROVER: Role.APPROVER,
    AUDITOR: Role.AUDITOR,
}

FOR_YOU: Mapping[str, Role] = {
    "reviewer-1": Role.REVIEWER,
    "reviewer-2": Role.REVIEWER,
    "adjudicator": Role.ADJUDICATOR,
    "approver": Role.APPROVER,
    "auditor": Role.AUDITOR,
}
"""Accounts for the person at the keyboard. Two reviewers: a digit wants two different people."""


@dataclass(frozen=True, kw_only=True)
class Cast:
    requester: Person
    reviewers: Sequence[tuple[Person, Judge]]
    adjudicator: tuple[Person, Judge]
    approver: Person
    auditor: Person


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """What somebody needs to sign in, once."""

    name: str
    role: Role
    one_time_password: str


def assemble(http: httpx.Client, admin: Person, *, seed: int) -> Cast:
    """The simulated people, each with an account and a new token."""
    ids = _accounts(admin, SIMULATED)

    def person(name: str) -> Person:
        token = admin.post(f"/accounts/{ids[name]}/tokens", {"label": "demo"})["token"]
        return Person(http=http, name=name, token=token)

    return Cast(
        requester=person(REQUESTER),
        reviewers=[
            (person(name), Judge(name=name, error_rate=rate, seed=seed))
            for name, rate in REVIEWERS.items()
        ],
        adjudicator=(
            person(ADJUDICATOR),
            Judge(name=ADJUDICATOR, error_rate=ADJUDICATOR_ERROR_RATE, seed=seed),
        ),
        approver=person(APPROVER),
        auditor=person(AUDITOR),
    )


def invite(admin: Person) -> list[Invitation]:
    """A fresh one-time password for each account that is meant for a person."""
    ids = _accounts(admin, FOR_YOU)
    return [
        Invitation(
            name=name,
            role=role,
            one_time_password=admin.post(f"/accounts/{ids[name]}/one-time-passwords")[
                "one_time_password"
            ],
        )
        for name, role in FOR_YOU.items()
    ]


def _accounts(admin: Person, wanted: Mapping[str, Role]) -> dict[str, str]:
    """Ids by name; those that an earlier demo left are used again."""
    known = {account["name"]: account["account_id"] for account in admin.pages("/accounts")}
    for name, role in wanted.items():
        if name not in known:
            made = admin.post("/accounts", {"name": name, "roles": [role.value]})
            known[name] = made["account"]["account_id"]
    return {name: known[name] for name in wanted}
