"""Routing documents and profiles: what is shown of them, and how a profile is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydantic import ConfigDict, Field

from api.documents.writing import dump_yaml, to_document
from api.schemas.body import Body, Document, Reason
from api.schemas.policies import FaultView
from domain.canonical import Sha256
from domain.ids import AccountId, Timestamp
from domain.profiles import (
    MAX_ABSENCES,
    MAX_CAPACITY,
    MAX_DOMAINS,
    MAX_LANGUAGES,
    Absence,
    Profile,
    Standing,
)
from domain.routing import Clearance, Routing
from storage.profiles import ProfileChange, StandingView
from storage.routings import StoredRouting


@dataclass(frozen=True, kw_only=True)
class RoutingView:
    name: str
    version: int
    digest: Sha256
    description: str
    queues: list[str]
    rules: int
    created_by: str
    """The author's name."""
    created_at: Timestamp
    document: Document
    """The whole routing but for its version. What is left out has its default."""
    yaml: str
    """As it was written, comments and all."""

    @classmethod
    def of(cls, stored: StoredRouting) -> RoutingView:
        routing = stored.routing
        return cls(
            name=routing.name,
            version=routing.version,
            digest=routing.digest,
            description=routing.description,
            queues=[queue.name for queue in routing.queues],
            rules=len(routing.rules),
            created_by=stored.author_name,
            created_at=stored.created_at,
            document=to_document(routing),
            yaml=stored.source or dump_yaml(routing),
        )


@dataclass(frozen=True, kw_only=True)
class CheckedRouting:
    """What there is to say of a document that is not stored."""

    valid: bool
    faults: list[FaultView]


@dataclass(frozen=True, kw_only=True)
class RoutingSummary:
    name: str
    version: int
    digest: Sha256

    @classmethod
    def of(cls, routing: Routing) -> RoutingSummary:
        return cls(name=routing.name, version=routing.version, digest=routing.digest)


# -- profiles ---------------------------------------------------------------------------------


class AbsenceBody(Body):
    first: date
    last: date
    """Both days belong to it."""

    @property
    def absence(self) -> Absence:
        return Absence(first=self.first, last=self.last)


@dataclass(frozen=True, kw_only=True)
class ProfileView:
    account_id: AccountId
    expertise: dict[str, int]
    """Domain → level, 1 to 5."""
    languages: list[str]
    clearance: Clearance
    capacity_per_day: int | None
    absences: list[Absence]
    standings: list[StandingView]
    """By label schema; under others the person is untried."""

    @classmethod
    def of(cls, profile: Profile, standings: list[StandingView]) -> ProfileView:
        return cls(
            account_id=profile.account_id,
            expertise=profile.expertise,
            languages=list(profile.languages),
            clearance=profile.clearance,
            capacity_per_day=profile.capacity_per_day,
            absences=list(profile.absences),
            standings=standings,
        )


class ProfileBody(Body):
    """A whole profile: what is left out is as for somebody who brings nothing special."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "expertise": {"support": 3},
                    "languages": ["de", "en"],
                    "clearance": "confidential",
                    "capacity_per_day": 400,
                    "absences": [{"first": "2026-12-21", "last": "2027-01-03"}],
                    "reason": "Has passed the support training.",
                }
            ]
        }
    )

    expertise: dict[str, int] = Field(default_factory=dict, max_length=MAX_DOMAINS)
    languages: list[str] = Field(default_factory=list, max_length=MAX_LANGUAGES)
    clearance: Clearance = Clearance.PUBLIC
    capacity_per_day: int | None = Field(default=None, ge=1, le=MAX_CAPACITY)
    absences: list[AbsenceBody] = Field(default_factory=list, max_length=MAX_ABSENCES)
    reason: Reason

    def profile(self, account_id: AccountId) -> Profile:
        return Profile(
            account_id=account_id,
            expertise=dict(self.expertise),
            languages=tuple(self.languages),
            clearance=self.clearance,
            capacity_per_day=self.capacity_per_day,
            absences=tuple(each.absence for each in self.absences),
        )


class AbsencesBody(Body):
    absences: list[AbsenceBody] = Field(max_length=MAX_ABSENCES)


class StandingBody(Body):
    standing: Standing
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class ProfileChangeView:
    changed_by: str
    """Their name."""
    changed_at: Timestamp
    reason: str
    before: Document
    after: Document

    @classmethod
    def of(cls, change: ProfileChange) -> ProfileChangeView:
        return cls(
            changed_by=change.changed_by_name,
            changed_at=change.changed_at,
            reason=change.reason,
            before=change.before,
            after=change.after,
        )
