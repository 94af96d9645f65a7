"""The catalogue of the scripts: itself a small script, one for each language."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache

from babel.messages.catalog import Catalog, Message

from api.catalogues import FOLDER, read_catalogue
from api.language import ENGLISH, Language, gettext, speaking
from api.problem_words import OTHERWISE, SENTENCES, SUMMARIES
from api.vocabulary import VOCABULARIES
from domain.canonical import Sha256, digest_bytes

SCRIPTS = "api/web/static/"
"""Where a message stands that scripts say."""

CONTEXT_END = "\x04"
"""Between a context and its word, as in GNU gettext's compiled catalogues."""

_PLURAL = re.compile(r"[n0-9\s%=!<>&|?:()]+")


@dataclass(frozen=True, kw_only=True)
class ScriptCatalogue:
    text: str
    digest: Sha256


@cache
def script_catalogue(language: Language) -> ScriptCatalogue | None:
    """The script that hands `i18n.js` the language's sentences; none for English, which needs none.

    Raises ValueError for a catalogue whose plural forms are no arithmetic: they become code.
    """
    if language is ENGLISH:
        return None
    catalogue = read_catalogue(FOLDER / f"{language.tag.replace('-', '_')}.po")
    if not _PLURAL.fullmatch(catalogue.plural_expr):
        raise ValueError(f"{language.tag}: these plural forms are no arithmetic")
    with speaking(language):
        problems = {code: gettext(sentence) for code, sentence in SENTENCES.items()}
        summaries = {code: gettext(sentence) for code, sentence in SUMMARIES.items()}
        found = {
            "messages": _messages(catalogue),
            "problems": problems,
            "summaries": summaries,
            "otherwise": gettext(OTHERWISE),
        }
    # Escaped to ASCII JSON is JavaScript, whatever a translation holds.
    text = (
        'import { install } from "/static/i18n.js";\n'
        f"install({json.dumps(found, ensure_ascii=True)}, "
        f"(n) => Number({catalogue.plural_expr}));\n"
    )
    return ScriptCatalogue(text=text, digest=digest_bytes(text.encode()))


def script_address(language: Language) -> str | None:
    """Where a page finds the script; another one has another address, so browsers may keep it."""
    found = script_catalogue(language)
    if found is None:
        return None
    return f"/static/languages/{language.tag}.js?v={found.digest[:12]}"


def _messages(catalogue: Catalog) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for message in catalogue:
        if message.id and _is_said_by_scripts(message):
            name = message.id if isinstance(message.id, str) else message.id[0]
            key = f"{message.context}{CONTEXT_END}{name}" if message.context else name
            text = message.string
            found[key] = text if isinstance(text, str) else list(text or ())
    return found


def _is_said_by_scripts(message: Message) -> bool:
    if message.context in VOCABULARIES:
        return True
    return any(place.startswith(SCRIPTS) for place, _ in message.locations)
