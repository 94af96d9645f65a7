"""What one process needs to know, read from the environment.

Every service starts from `LABELWRIGHT_…` variables alone, the same ones whether the local stack, a
container or a person sets them. On a machine where `labelwright up` runs, the addresses may be left
out: `load_settings` then takes those of the running stack.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from domain.destinations import DestinationRules, read_networks
from domain.errors import DatabaseUnavailable
from domain.retention import Kept, Retention, Rule
from workers.sign_in_settings import SignInSettings
from workers.versioning import Versioning

DEFAULT_TEMPORAL_ADDRESS = "127.0.0.1:7233"


def default_data_dir() -> Path:
    """Where data lives when nobody says otherwise: the user's data folder; for root, /var/lib."""
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root, and another user cannot reach into root's home.
        return Path("/var/lib/labelwright")
    return user_data_path("labelwright")


class Settings(SignInSettings):
    """Each field is read from `LABELWRIGHT_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="LABELWRIGHT_", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of everything that is kept: database, artifacts, datasets, secrets.",
    )
    database_url: str = Field(
        default="",
        # The URL carries a password, and settings are printed when something goes wrong.
        repr=False,
        description="PostgreSQL as an SQLAlchemy URL; empty for the local stack's own.",
    )
    temporal_address: str = Field(
        default="",
        description="Temporal's gRPC address as host:port; empty for the local stack's own.",
    )
    temporal_namespace: str = Field(
        default="default", description="Temporal namespace that the workflows live in."
    )
    temporal_tls: bool = Field(
        default=False, description="Encrypt the connection to Temporal; implied by an API key."
    )
    temporal_api_key: str = Field(
        default="", repr=False, description="API key for Temporal, where the cluster asks for one."
    )
    artifacts: str = Field(
        default="",
        description="Where artifacts are stored, a folder or a URI; empty for data_dir/artifacts.",
    )
    datasets: str = Field(
        default="",
        description="Where datasets are published, a folder or a URI; empty for data_dir/datasets.",
    )
    api_host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(
        default=8420, ge=1, le=65535, description="Port of the API and the web pages."
    )
    import_limit: int = Field(
        default=2 * 1024**3, ge=1, description="Largest file that one import may bring, in bytes."
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address that a worker's /metrics and /healthz listen on."
    )
    metrics_port: int = Field(
        default=9470, ge=1, le=65535, description="Port of a worker's /metrics and /healthz."
    )
    worker_versioning: Versioning = Field(
        default=Versioning.AUTO_UPGRADE,
        description="How rounds follow a new build: `auto_upgrade` has the newest take over, "
        "`pinned` ends each on the build that it began on, `off` asks Temporal for neither.",
    )
    signing_key: Path = Field(
        default=Path(),
        description="Ed25519 private key (PEM) that signs who acted; "
        "empty for data_dir/secrets/signing.pem.",
    )
    sealing_key: Path = Field(
        default=Path(),
        description="Key that encrypts the webhooks' secrets in the database; "
        "empty for data_dir/secrets/sealing.key.",
    )
    payload_keys: Path = Field(
        default=Path(),
        description="Keys that encrypt what Temporal keeps, one a line as `key_id base64`, of "
        "which the first encrypts; empty for data_dir/secrets/payload.keys.",
    )
    codec_origins: str = Field(
        default="",
        description="Origins of Temporal's history pages that may have payloads decoded with a "
        "person's session, such as `http://127.0.0.1:8233`; several with commas between.",
    )
    public_url: str = Field(
        default="",
        description="Address at which people reach the pages; links in webhook events begin "
        "with it, and are paths where it is empty. An identity provider sends people back there.",
    )
    webhook_allow_http: bool = Field(
        default=False, description="Whether a webhook may be reached over plain http."
    )
    webhook_networks: str = Field(
        default="",
        description="Networks that webhooks may reach though they are not public, such as "
        "`10.1.2.0/24, fd00::/8`.",
    )
    keep_requests_days: int = Field(
        default=30,
        ge=1,
        description="Days for which a repeated request with the same idempotency key gets the "
        "same answer.",
    )
    keep_notices_days: int = Field(
        default=365,
        ge=0,
        description="Days for which notices and delivered events are kept; 0 keeps them for ever.",
    )
    keep_sign_ins_days: int = Field(
        default=90,
        ge=0,
        description="Days for which sessions, passwords and tokens are kept once they have ended; "
        "0 keeps them for ever.",
    )
    keep_superseded_days: int = Field(
        default=90,
        ge=0,
        description="Days for which it is kept what a record was before an import changed it, "
        "where no round of its pool is open; 0 keeps it for ever.",
    )
    timestamp_url: str = Field(
        default="",
        description="Time-stamp authority (RFC 3161) that stamps the heads of exported evidence; "
        "empty: none does.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log entry that is written."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="One JSON object a line, or lines for a person to read."
    )

    @field_validator("webhook_networks")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        read_networks(text)
        return text

    def model_post_init(self, _context: object) -> None:
        # Defaults that hang on another field; the object is frozen for everyone else.
        derived = {
            "artifacts": str(self.data_dir / "artifacts"),
            "datasets": str(self.data_dir / "datasets"),
            "signing_key": self.data_dir / "secrets" / "signing.pem",
            "sealing_key": self.data_dir / "secrets" / "sealing.key",
            "payload_keys": self.data_dir / "secrets" / "payload.keys",
        }
        for name, value in derived.items():
            if getattr(self, name) in ("", Path()):
                object.__setattr__(self, name, value)

    @property
    def webhook_rules(self) -> DestinationRules:
        return DestinationRules(
            allow_http=self.webhook_allow_http, networks=read_networks(self.webhook_networks)
        )

    @property
    def retention(self) -> Retention:
        return Retention(
            rules=(
                Rule(kept=Kept.REQUESTS, days=self.keep_requests_days),
                Rule(kept=Kept.NOTICES, days=self.keep_notices_days),
                Rule(kept=Kept.SIGN_INS, days=self.keep_sign_ins_days),
                Rule(kept=Kept.SUPERSEDED, days=self.keep_superseded_days),
            )
        )

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins of `codec_origins`, as browsers write them."""
        return frozenset(
            origin.strip().rstrip("/") for origin in self.codec_origins.split(",") if origin.strip()
        )

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def admin_token_file(self) -> Path:
        """The first account's token, for the command line on this machine."""
        return self.data_dir / "secrets" / "admin-token"


def settings_for(data_dir: Path | None) -> Settings:
    """Settings from the environment, with `data_dir` in place of its own where one is given."""
    return Settings() if data_dir is None else Settings(data_dir=data_dir)


def load_settings(data_dir: Path | None = None) -> Settings:
    """Settings for a command or service; addresses that are not given are the running stack's.

    Raises `DatabaseUnavailable` where neither a database is named nor a stack is running.
    """
    settings = settings_for(data_dir)
    if settings.database_url and settings.temporal_address:
        return settings
    from workers.addresses import running_stack

    stack = running_stack(settings.data_dir)
    if stack is None and not settings.database_url:
        raise DatabaseUnavailable(
            f"No database is named and no stack is running in {settings.data_dir}.",
            hint="Start one with `labelwright up`, or set LABELWRIGHT_DATABASE_URL.",
        )
    return settings.model_copy(
        update={
            "database_url": settings.database_url or (stack.database_url if stack else ""),
            "temporal_address": settings.temporal_address
            or (stack.temporal if stack else DEFAULT_TEMPORAL_ADDRESS),
        }
    )
