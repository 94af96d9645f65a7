"""Routing documents as people write them: `domain.routing.Routing` without its version."""

from __future__ import annotations

from api.documents.kinds import DocumentKind, Strict
from domain.errors import InvalidRouting
from domain.routing import Queue, Routing, Rule
from domain.routing_rules import faults


class RoutingDocument(Strict):
    routing: Routing


ROUTING = DocumentKind[Routing](
    name="routing",
    model=RoutingDocument,
    parts={"": Routing, "queues": Queue, "rules": Rule},
    begins="name, queues, rules",
    example="labelwright routing example",
    broken=faults,
    error=InvalidRouting,
    addresses=frozenset({"check", "schema"}),
)
