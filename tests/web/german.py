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


def _english() -> Iterator[re.Pattern[str]]:
    """What a page in German must not say: originals that differ from their translations."""
    german = set()
    originals = set()
    for message in read_catalogue(FOLDER / "de.po"):
        if message.id:
            ids = [message.id] if isinstance(message.id, str) else list(message.id)
            strings = message.string
            german |= {strings} if isinstance(strings, str) else set(strings or ())
            originals |= set(ids)
    for original in originals - german:
        # A sentence with tags stands in several texts, of which each is a part of it.
        for part in re.split(r"<[^>]*>", original):
            literal = re.split(r"%\(\w+\)s|\{\w+\}", part.strip())
            if re.search(r"[A-Za-z]{3}", "".join(literal)):
                yield re.compile(".+".join(re.escape(each) for each in literal).strip())


ENGLISH = tuple(_english())


def english_among(texts: Iterable[str]) -> list[str]:
    """Those of the texts that are sentences of ours in English."""
    return [text for text in texts if any(form.fullmatch(text) for form in ENGLISH)]
