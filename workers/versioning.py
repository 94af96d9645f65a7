"""What becomes of open rounds when a new build of the workers comes: a setting."""

from __future__ import annotations

from enum import StrEnum


class Versioning(StrEnum):
    OFF = "off"
    """Any worker takes any task. Histories say which build it was all the same."""
    AUTO_UPGRADE = "auto_upgrade"
    """The build that was started last takes over every open round."""
    PINNED = "pinned"
    """A round ends on the build that it began on; new rounds begin on the newest."""
