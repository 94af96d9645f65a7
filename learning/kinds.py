"""Which features each kind of content has."""

from __future__ import annotations

from domain.records import ContentKind
from learning.features import ImageFeatures, TableFeatures, TextFeatures
from learning.pairs import PairFeatures

Features = TextFeatures | TableFeatures | ImageFeatures | PairFeatures

FEATURES: dict[ContentKind, type[Features]] = {
    ContentKind.TEXT: TextFeatures,
    ContentKind.TABLE: TableFeatures,
    ContentKind.IMAGE: ImageFeatures,
    ContentKind.PAIR: PairFeatures,
}
