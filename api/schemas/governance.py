"""How an installation governs itself: who may approve, what waits, what is kept how long."""

from __future__ import annotations

from dataclasses import dataclass

from domain.accounts import Permission, Role
from domain.ids import Timestamp
from domain.retention import FOR_EVER, SAYS, Kept, Retention
from storage.governance import Holder, WaitingPolicy
from storage.retention import RetentionRun


@dataclass(frozen=True, kw_only=True)
class PersonView:
    account_id: str
    name: str
    roles: list[Role]

    @classmethod
    def of(cls, holder: Holder) -> PersonView:
        return cls(account_id=holder.account_id, name=holder.name, roles=sorted(holder.roles))


@dataclass(frozen=True, kw_only=True)
class WaitingView:
    """A version of a policy that waits, and who could approve it: any approver but its author."""

    name: str
    version: int
    author: str
    """Name of whoever wrote it, or the account's id where it is shut out."""
    written_at: Timestamp
    may_approve: list[str]
    """Names."""

    @classmethod
    def of(cls, waiting: WaitingPolicy, holders: list[Holder]) -> WaitingView:
        names = {holder.account_id: holder.name for holder in holders}
        return cls(
            name=waiting.name,
            version=waiting.version,
            author=names.get(waiting.author, waiting.author),
            written_at=waiting.written_at,
            may_approve=[
                holder.name
                for holder in holders
                if holder.may(Permission.APPROVE_POLICIES) and holder.account_id != waiting.author
            ],
        )


@dataclass(frozen=True, kw_only=True)
class SamplingRulesView:
    """Who may approve the rules by which records are selected, and which versions wait."""

    approvers: list[PersonView]
    waiting: list[WaitingView]

    @classmethod
    def of(cls, holders: list[Holder], waiting: list[WaitingPolicy]) -> SamplingRulesView:
        return cls(
            approvers=[
                PersonView.of(holder)
                for holder in holders
                if holder.may(Permission.APPROVE_POLICIES)
            ],
            waiting=[WaitingView.of(each, holders) for each in waiting],
        )


@dataclass(frozen=True, kw_only=True)
class RuleView:
    what: Kept
    says: str
    days: int | None
    """None: for ever."""


@dataclass(frozen=True, kw_only=True)
class RetentionRunView:
    at: Timestamp
    days: dict[Kept, int]
    forgotten: dict[Kept, int]
    """Rows that were deleted."""


@dataclass(frozen=True, kw_only=True)
class RetentionView:
    rules: list[RuleView]
    for_ever: list[str]
    """What the product itself never deletes."""
    runs: list[RetentionRunView]
    """The last ones, newest first."""

    @classmethod
    def of(cls, retention: Retention, runs: list[RetentionRun]) -> RetentionView:
        return cls(
            rules=[
                RuleView(what=rule.kept, says=SAYS[rule.kept], days=rule.days or None)
                for rule in retention.rules
            ],
            for_ever=list(FOR_EVER),
            runs=[
                RetentionRunView(at=run.at, days=dict(run.days), forgotten=dict(run.forgotten))
                for run in runs
            ],
        )
