"""Collects what pages say and brings each catalogue up to date: `make messages`.

Sentences come from templates, Python and scripts, and words from `api.vocabulary`. What is new
stands in the catalogues without a translation, what has changed is marked `fuzzy`, and what nothing
says any more is dropped.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po

from api.catalogues import FOLDER, read_catalogue
from api.vocabulary import vocabulary

ROOT = Path(__file__).parent.parent

TEMPLATES = "api/web/templates/*.html"
SCRIPTS = "api/web/static/*.js"
PYTHON = "api/**/*.py"

KEYWORDS: dict[str, Any] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
SCRIPT_KEYWORDS: dict[str, Any] = {"t": None, "tn": (1, 2), "pieces": None}

HEADER = """\
# Labelwright's pages in another language than English: {language}.
# docs/languages.md says how a catalogue is kept, and which words it keeps to.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
"""Without dates, which would change with every edit, and without people."""


def messages() -> Catalog:
    """Everything that pages say, without translations."""
    catalogue = Catalog(
        project="Labelwright", msgid_bugs_address="", copyright_holder="", charset="utf-8"
    )
    for pattern, method, keywords in (
        (TEMPLATES, "jinja2.ext:babel_extract", KEYWORDS),
        (PYTHON, "python", KEYWORDS),
        (SCRIPTS, "javascript", SCRIPT_KEYWORDS),
    ):
        for path in sorted(ROOT.glob(pattern)):
            for message, context in _said(path, method, keywords):
                # Without lines, which change with every edit.
                place = str(path.relative_to(ROOT))
                catalogue.add(message, locations=[(place, 0)], context=context)
    for context, word in vocabulary():
        catalogue.add(word, locations=[("api/vocabulary.py", 0)], context=context)
    return catalogue


def updated(path: Path, said: Catalog) -> str:
    """The catalogue at `path` with the messages that there are now."""
    catalogue = read_catalogue(path)
    catalogue.update(said, keep_user_comments=True)
    catalogue.obsolete.clear()
    return written(catalogue)


def written(catalogue: Catalog) -> str:
    """The catalogue as its file holds it."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, sort_output=True, omit_header=True, include_lineno=False)
    header = HEADER.format(language=catalogue.locale, plurals=catalogue.plural_forms)
    return header + file.getvalue().decode().strip() + "\n"


def _said(path: Path, method: str, keywords: dict[str, Any]) -> Iterator[tuple[Any, str | None]]:
    options = {"trimmed": "true", "newstyle_gettext": "true", "parse_template_string": "true"}
    with path.open("rb") as file:
        for _, message, _, context in extract(method, file, keywords, (), options):
            if message:
                yield message, context


def main() -> None:
    said = messages()
    for path in sorted(FOLDER.glob("*.po")):
        path.write_text(updated(path, said), encoding="utf-8")


if __name__ == "__main__":
    main()
