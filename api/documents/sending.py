"""Documents as the body of a request: JSON or YAML, as they were written."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from domain.errors import InvalidInput

MEDIA_TYPES = frozenset(
    {"application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"}
)


class DocumentSource(BaseModel):
    """The text of a document, as it was sent."""

    model_config = ConfigDict(frozen=True)

    text: str


async def sent_text(request: Request) -> str:
    """The document as it was sent. Raises InvalidInput."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        raise InvalidInput(
            "a document is sent as application/json or application/yaml, not as "
            f"{kind or 'nothing'}",
            hint="name the Content-Type",
        )
    body = await request.body()
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("the document is not UTF-8") from error


SENT = Annotated[str, Depends(sent_text)]


def document_body(description: str, example: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of such a body."""
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": example},
                "application/yaml": {"schema": {"type": "string"}},
            },
        }
    }
