"""Offers of two shops, drawn by a seed: some of the same product, some of one much like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.records import Content, Json

BRANDS = ("Aldor", "Brenn", "Castell", "Dorna", "Elvik", "Fjord", "Garant", "Hollis")
NOUNS = ("camera", "headphones", "printer", "monitor", "keyboard", "router", "speaker", "drill")
WORDS = ("wireless", "compact", "black", "silver", "pro", "digital", "portable", "slim", "series")


@dataclass(frozen=True, kw_only=True)
class Pairs:
    contents: list[Content]
    labels: list[str]

    def flat(self, *, label: str) -> list[dict[str, Json]]:
        """Rows as a file has them: `left_…`, `right_…`, and the label."""
        rows = []
        for content, said in zip(self.contents, self.labels, strict=True):
            row: dict[str, Json] = {label: said}
            for side in ("left", "right"):
                row |= {f"{side}_{name}": value for name, value in row_of(content, side).items()}
            rows.append(row)
        return rows


def product_pairs(count: int, *, seed: int) -> Pairs:
    """Two of five pairs are the same product; of the others half share brand and noun."""
    generator = np.random.default_rng(seed)
    contents, labels = [], []
    for _ in range(count):
        product = _product(generator)
        kind = generator.choice(["same", "sibling", "other"], p=[0.4, 0.3, 0.3])
        other = product
        if kind != "same":
            other = _product(generator)
        if kind == "sibling":
            other |= {name: product[name] for name in ("brand", "noun")}
        left, right = _offer(product, generator), _offer(other, generator)
        contents.append(Content({"left": {"row": left}, "right": {"row": right}}))
        labels.append("same" if kind == "same" else "different")
    return Pairs(contents=contents, labels=labels)


def row_of(pair: Content, side: str) -> dict[str, Json]:
    row = pair[side]
    assert isinstance(row, dict)
    assert isinstance(row["row"], dict)
    return row["row"]


def swapped(contents: Sequence[Content]) -> list[Content]:
    return [Content({"left": each["right"], "right": each["left"]}) for each in contents]


def _product(generator: np.random.Generator) -> dict[str, str]:
    return {
        "brand": str(generator.choice(BRANDS)),
        "noun": str(generator.choice(NOUNS)),
        "code": f"{chr(65 + int(generator.integers(6)))}{int(generator.integers(100, 130))}",
        "words": " ".join(generator.choice(WORDS, 3, replace=False)),
        "price": str(int(generator.integers(20, 900))),
    }


def _offer(product: dict[str, str], generator: np.random.Generator) -> dict[str, Json]:
    """As a shop writes it: words left out, a letter wrong, the model hidden in the title or not."""
    words = [word for word in product["words"].split() if generator.random() < 0.7]
    code = product["code"] if generator.random() < 0.8 else ""
    parts = [product["brand"], product["noun"], code, *words]
    title = " ".join(part for part in generator.permutation(parts) if part)
    if generator.random() < 0.4:
        place = int(generator.integers(len(title)))
        title = title[:place] + title[place + 1 :]
    price = round(float(product["price"]) * float(generator.uniform(0.85, 1.15)), 2)
    return {
        "title": title,
        "brand": product["brand"] if generator.random() < 0.7 else None,
        "price": price if generator.random() < 0.9 else None,
    }
