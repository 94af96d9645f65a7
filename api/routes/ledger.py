"""The ledger of a round, and whether everything published follows from it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.authentication import Caller, allowing
from domain.accounts import Permission

router = APIRouter(prefix="/api/v1/rounds", tags=["audit"])

Auditor = Annotated[Caller, Depends(allowing(Permission.SEE_LEDGER))]
