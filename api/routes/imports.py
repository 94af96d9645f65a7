"""Imports: a file, streamed to disk and then into a pool."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import Annotated, BinaryIO, cast

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from api.authentication import Caller, allowing
from api.state import Parts
from domain.accounts import Permission
from domain.ids import PoolId
from domain.labels import Choice, LabelSchema
from storage import definitions, pools
from storage.importing import ImportReport, import_records
from storage.pools import Pool
from storage.readers import Format, Mapping, read_rows
from storage.sides import Sides
from storage.visibility import as_system

router = APIRouter(prefix="/api/v1/pools", tags=["pools"])

IN_MEMORY_BYTES = 4 * 1024 * 1024

Importer = Annotated[Caller, Depends(allowing(Permission.IMPORT_RECORDS))]
Column = Annotated[str | None, Query(max_length=200)]
Columns = Annotated[list[str] | None, Query(max_length=500)]


def mapping_of(
    *,
    id_column: Column = None,
    text_column: Column = None,
    pixels_column: Column = None,
    row_column: Columns = None,
    left_column: Column = None,
    right_column: Column = None,
    left_prefix: Column = None,
    right_prefix: Column = None,
    label_column: Column = None,
    label_separator: Annotated[str | None, Query(min_length=1, max_length=10)] = None,
    role_column: Column = None,
    metadata_column: Columns = None,
) -> dict[str, object]:
    """The columns that the request names, by the field of `Mapping` that each one is."""
    sides = {
        "left_column": left_column,
        "right_column": right_column,
        "left_prefix": left_prefix,
        "right_prefix": right_prefix,
    }
    named: dict[str, object] = {
        "id_column": id_column,
        "text_column": text_column,
        "pixels_column": pixels_column,
        "row_columns": None if row_column is None else tuple(row_column),
        "sides": Sides(**{name: value for name, value in sides.items() if value}),
        "label_column": label_column,
        "label_separator": label_separator,
        "role_column": role_column,
        "metadata_columns": None if metadata_column is None else tuple(metadata_column),
    }
    return {name: value for name, value in named.items() if value is not None}


@router.post(
    "/{pool}/imports",
    status_code=201,
    summary="Import a file of records: its bytes are the body",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def import_file(
    *,
    pool: str,
    request: Request,
    caller: Importer,
    parts: Parts,
    columns: Annotated[dict[str, object], Depends(mapping_of)],
    format: Annotated[  # noqa: A002 - the word that people use
        Format | None, Query(description="Told by `file_name` or the content when left out.")
    ] = None,
    file_name: Annotated[str, Query(max_length=200)] = "",
) -> ImportReport:
    """Safe to repeat: a record that is there with the same content is counted as unchanged."""
    target, schema = await parts.in_transaction(lambda connection: _target(connection, pool))
    choice = Choice.SINGLE if schema is None else schema.choice
    mapping = Mapping(kind=target.kind, choice=choice, **columns)  # type: ignore[arg-type]
    with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
        async for chunk in request.stream():
            await run_in_threadpool(file.write, chunk)
        file.seek(0)
        # Whoever brings records need not be cleared for them, nor for those that they replace.
        with as_system():
            return await run_in_threadpool(
                lambda: import_records(
                    parts.engine,
                    target.pool_id,
                    read_rows(cast(BinaryIO, file), format, mapping, file_name=file_name),
                    schema=schema,
                    created_by=caller.account_id,
                    file_name=file_name,
                )
            )


def _target(connection: Connection, pool: str) -> tuple[Pool, LabelSchema | None]:
    target = pools.get_pool(connection, PoolId(pool))
    if target.schema is None:
        return target, None
    return target, definitions.get_schema(connection, *target.schema)
