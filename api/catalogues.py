"""The catalogues: one file of GNU gettext for each language that pages can be read in.

A catalogue is read as it stands when the first page is asked for: there is no step that compiles
it, and another language is one more file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from api.language import ENGLISH, Language

FOLDER = Path(__file__).parent / "web" / "languages"

MAX_RANGES = 20
"""Of an Accept-Language header: more than a browser sends."""


def read_catalogue(path: Path) -> Catalog:
    """The catalogue in a file that is named for its language, such as `de.po` or `pt_BR.po`."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem, abort_invalid=True)


@cache
def languages() -> Mapping[str, Language]:
    """Tag → language: English, and each that has a catalogue."""
    found = [_language(path) for path in sorted(FOLDER.glob("*.po"))]
    return {language.tag: language for language in (ENGLISH, *found)}


def language_for(chosen: str | None, accepted: str) -> Language:
    """What was chosen, else the best of an Accept-Language header (RFC 9110), else English."""
    for tag in (chosen or "", *_accepted(accepted)):
        for wanted in (tag, tag.partition("-")[0]):
            if wanted in languages():
                return languages()[wanted]
    return ENGLISH


def _accepted(header: str) -> Iterator[str]:
    """The tags of the header, the most wanted first; those that are not wanted are left out."""
    weighed = []
    for place, part in enumerate(header.split(",")[:MAX_RANGES]):
        tag, _, weight = part.replace(" ", "").partition(";q=")
        try:
            quality = float(weight or 1.0)
        except ValueError:
            continue
        if tag and quality > 0.0:
            language, _, region = tag.partition("-")
            name = f"{language.lower()}-{region.upper()}" if region else language.lower()
            weighed.append((-quality, place, name))
    yield from (name for _, _, name in sorted(weighed))


def _language(path: Path) -> Language:
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(path))
    compiled.seek(0)
    return Language(
        tag=path.stem.replace("_", "-"),
        locale=Locale.parse(path.stem),
        translations=Translations(compiled),
    )
