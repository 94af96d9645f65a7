"""Sampling policies as people write them, and what may stand in them.

The document is the dataclass `domain.policy.SamplingPolicy` without its version.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from api.documents.faults import DocumentFault
from api.documents.kinds import DocumentKind, Strict
from domain.arms import KINDS, Arm
from domain.errors import InvalidPolicy
from domain.policy import (
    Exclusions,
    Gate,
    Guards,
    Limit,
    NearDuplicates,
    SamplingPolicy,
    Scale,
)
from domain.policy_rules import faults


class PolicyDocument(Strict):
    policy: SamplingPolicy


POLICY = DocumentKind[SamplingPolicy](
    name="policy",
    model=PolicyDocument,
    parts={
        "": SamplingPolicy,
        "arms": Arm,
        "limits": Limit,
        "near_duplicates": NearDuplicates,
        "exclusions": Exclusions,
        "guards": Guards,
        "gates": Gate,
        "scales": Scale,
    },
    begins="name, batch_size, arms, …",
    example="labelwright policy show growing --yaml",
    broken=faults,
    error=InvalidPolicy,
    addresses=frozenset({"check", "new", "schema"}),
)


def parse_policy(text: str | bytes) -> SamplingPolicy:
    """The policy that a YAML or JSON document describes, as version 1.

    Raises InvalidPolicy with every fault; see `DocumentKind.parse`.
    """
    return POLICY.parse(text)


def examine(text: str | bytes) -> tuple[SamplingPolicy | None, list[DocumentFault]]:
    """The policy, where the document says one, and all that is wrong with it by line."""
    return POLICY.examine(text)


@cache
def _schema() -> str:
    made = PolicyDocument.model_json_schema()
    parts = made["$defs"]
    policy = parts.pop("SamplingPolicy")
    # The system gives it; a document that has one is refused.
    del policy["properties"]["version"]
    parts["Arm"]["description"] = "One way of picking. What is left out comes from its kind."
    parts["ArmKind"]["description"] = "; ".join(
        f"{kind}: {default.meaning}" for kind, default in KINDS.items()
    )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **policy,
        "title": "Labelwright sampling policy",
        "$defs": parts,
    }
    return json.dumps(schema)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a policy document."""
    schema: dict[str, Any] = json.loads(_schema())
    return schema
