"""The second line against secrets in logs.

The first one is that nobody logs any. This takes out what would be one by its name, and what looks
like one wherever it stands: a library's message, an exception's text.
"""

from __future__ import annotations

import re
from typing import Any

import structlog

CENSORED = "[censored]"

_NAMES = re.compile(
    r"password|secret|authorization|cookie|credential|private_?key|api_?key|signing_?key"
    r"|sealing_?key|database_url|session_id|(^|_)token$",
    re.IGNORECASE,
)
"""Of entries whose values nobody should read."""

_KNOWN = re.compile(
    r"""(?xi)
    \b(?: lws?_[\w-]{16,}                 # tokens and sessions of this product
        | whsec_[A-Za-z0-9+/=]{16,}       # secrets of webhooks
        | eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]* # JSON Web Tokens
    )
    | (?<=bearer\s) [^\s"']{8,}
    | (?<=://) [^\s:/@"']+ : [^\s/@"']+ (?=@)  # user and password in a URL
    | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----.*?-----END\ [A-Z\ ]*PRIVATE\ KEY-----
    """,
    re.DOTALL,
)


def censor_names(
    _logger: object, _method: str, entry: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Entries that bear the name of a secret lose their value."""
    for name in entry:
        if _NAMES.search(name):
            entry[name] = CENSORED
    return entry


def censor_text(_logger: object, _method: str, line: Any) -> str:
    """The rendered line without what looks like a secret."""
    return _KNOWN.sub(CENSORED, str(line))
