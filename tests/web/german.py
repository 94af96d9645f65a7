"""The catalogue of German, for tests that look whether pages keep to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from api.catalogues import FOLDER, languages, read_catalogue

GERMAN = languages()["de"]

SPOKEN = """() => {
    const said = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (parent.checkVisibility({visibilityProperty: true}) && !parent.closest("code, pre, kbd"))
            said.push(walker.currentNode.data);
    }
    for (const element of document.querySelectorAll("[aria-label], [placeholder], [title], [alt]"))
        if (element.checkVisibility())
            for (const name of ["aria-label", "placeholder", "title", "alt"])
                said.push(element.getAttribute(name) ?? "");
    said.push(document.title);
    return said.map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean);
}"""
"""Run in a page: everything that it shows or says, text by text."""


VALUE = re.compile(r"%\(\w+\)s|\{\w+\}")
FEWEST_LETTERS = 6
"""Of a sentence with gaps: `{some} and {last}` is a part of anybody's text."""


def _parts(texts: Iterable[str]) -> Iterator[str]:
    """A sentence with tags stands in several texts, of which each is a part of it."""
    for text in texts:
        yield from (part.strip() for part in re.split(r"<[^>]*>", text))


def _english() -> Iterator[re.Pattern[str]]:
    """What a page in German must not say: originals that differ from their translations."""
    german: set[str] = set()
    originals: set[str] = set()
    for message in read_catalogue(FOLDER / "de.po"):
        if message.id:
            strings = message.string
            originals |= set(_parts([message.id] if isinstance(message.id, str) else message.id))
            german |= set(_parts([strings] if isinstance(strings, str) else strings or ()))
    for original in originals - german:
        literal = VALUE.split(original)
        if len(re.findall("[A-Za-z]", "".join(literal))) >= (FEWEST_LETTERS if literal[1:] else 1):
            yield re.compile(".+".join(re.escape(each) for each in literal))


ENGLISH = tuple(_english())


def english_among(texts: Iterable[str]) -> list[str]:
    """Those of the texts that are sentences of ours in English."""
    return [text for text in texts if any(form.fullmatch(text) for form in ENGLISH)]
