"""A file with the rules of reviewing, read for a round that is about to start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from domain.errors import InvalidReviewRules


def read_rules(path: Path) -> dict[str, Any]:
    """The rules as the API takes them, which checks them. Raises InvalidReviewRules."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidReviewRules(
            f"{path} cannot be read as YAML: {' '.join(str(error).split())}",
            hint="nothing was started; docs/reviewing.md shows such a file",
        ) from error
    if not isinstance(document, dict):
        raise InvalidReviewRules(
            f"{path} does not hold rules by name",
            hint="nothing was started; docs/reviewing.md shows such a file",
        )
    return document
