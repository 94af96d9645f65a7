"""Models: what they learn, and that their bytes follow from their inputs."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import SGDClassifier
from threadpoolctl import threadpool_limits

from domain.canonical import digest_bytes
from domain.errors import InvalidTraining, UntrustedModel
from domain.records import Content, ContentKind, Json
from learning.archive import pack, unpack
from learning.committee import resample
from learning.models import Model
from tests.learning.products import product_pairs
from tests.learning.samples import Digits


def texts(*values: str) -> list[Content]:
    return [Content({"text": value}) for value in values]


def rows(*values: Mapping[str, Json]) -> list[Content]:
    return [Content({"row": dict(value)}) for value in values]


def images(*values: Sequence[Sequence[Json]]) -> list[Content]:
    return [Content({"pixels": [list(row) for row in value]}) for value in values]


WORDS = [f"word{i}" for i in range(60)]
MANY_TEXTS = texts(*(" ".join(WORDS[(i * k) % 60] for k in range(1, 9)) for i in range(80)))
CORPORA: dict[ContentKind, list[Content]] = {
    ContentKind.TEXT: MANY_TEXTS,
    ContentKind.TABLE: [
        Content({"row": {"age": i % 7, "city": f"c{i % 150}", "code": f"0{i % 3}"}})
        for i in range(80)
    ],
    ContentKind.IMAGE: images(*([[i % 5, j % 3, 1] for j in range(20)] for i in range(80))),
    ContentKind.PAIR: product_pairs(80, seed=5).contents,
}


def fitted(kind: ContentKind) -> Model:
    contents = CORPORA[kind]
    labels = [("no", "yes")[i % 2] if i < 40 else None for i in range(len(contents))]
    return Model.fit(kind, contents, labels, seed=3, committee=3)


@pytest.mark.parametrize("kind", list(ContentKind))
def test_the_same_inputs_give_the_same_bytes(kind: ContentKind) -> None:
    first = fitted(kind).to_bytes()
    with threadpool_limits(limits=2):
        second = fitted(kind).to_bytes()
    assert digest_bytes(first) == digest_bytes(second)


@pytest.mark.parametrize("kind", list(ContentKind))
def test_a_model_read_back_predicts_and_embeds_as_before(kind: ContentKind) -> None:
    model = fitted(kind)
    again = Model.from_bytes(model.to_bytes())
    assert again.classes == model.classes == ("no", "yes")
    assert (again.predict_proba(CORPORA[kind]) == model.predict_proba(CORPORA[kind])).all()
    assert (again.embed(CORPORA[kind]) == model.embed(CORPORA[kind])).all()
    assert again.to_bytes() == model.to_bytes()
    before, after = model.outputs(CORPORA[kind]), again.outputs(CORPORA[kind])
    assert before.committee is not None
    assert after.committee is not None
    assert (before.committee == after.committee).all()


@pytest.mark.parametrize("kind", list(ContentKind))
def test_embeddings_are_unit_rows_and_probabilities_sum_to_one(kind: ContentKind) -> None:
    model = fitted(kind)
    embeddings, probabilities = model.embed_and_predict(CORPORA[kind])
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (80, model.dimensions)
    assert model.dimensions <= 128
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(80), abs=1e-5)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(80))
    assert model.embed([]).shape == (0, model.dimensions)
    assert model.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize("kind", list(ContentKind))
def test_a_committee_knows_the_classes_of_its_model_and_is_not_of_one_mind(
    kind: ContentKind,
) -> None:
    model = fitted(kind)
    committee = model.outputs(CORPORA[kind]).committee
    assert committee is not None
    assert committee.shape == (80, 3, 2)
    assert committee.sum(axis=2) == pytest.approx(np.ones((80, 3)))
    assert not (committee[:, 0] == committee[:, 1]).all()
    assert model.outputs([]).committee is not None
    one = Model.fit(kind, CORPORA[kind], ["a"] * 80, seed=0, committee=3)
    assert one.outputs(CORPORA[kind]).committee is None


@given(
    labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=30),
    seed=st.integers(0, 2**63),
    member=st.integers(0, 9),
)
def test_a_resample_holds_as_many_of_each_class_as_there_are(
    labels: list[str], seed: int, member: int
) -> None:
    known = np.array(labels)
    rows = resample(known, seed=seed, member=member)
    assert sorted(known[rows]) == sorted(labels)
    assert (rows == resample(known, seed=seed, member=member)).all()


def test_resamples_differ_and_leave_out_about_a_third() -> None:
    known = np.repeat(np.array(["a", "b"]), [600, 400])
    samples = [resample(known, seed=5, member=member) for member in range(20)]
    distinct = [len(np.unique(sample)) / 1000 for sample in samples]
    # A row is drawn at least once with a probability of 1 - 1/e.
    assert np.mean(distinct) == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert len({sample.tobytes() for sample in samples}) == 20


def test_a_model_written_before_there_were_committees_is_read() -> None:
    model = Model.fit(ContentKind.TEXT, MANY_TEXTS, ["a", "b"] * 40, seed=0)
    state = unpack(model.to_bytes())
    del state["committee"]
    again = Model.from_bytes(pack(state))
    assert again.committee == ()
    assert (again.predict_proba(MANY_TEXTS) == model.predict_proba(MANY_TEXTS)).all()


@pytest.mark.parametrize("labels", [[None, None, None], ["a", None, None], ["a", "a", "a"]])
def test_fewer_than_two_labels_make_a_cold_start(labels: list[str | None]) -> None:
    contents = texts("red apple", "green pear", "blue sky")
    model = Model.from_bytes(Model.fit(ContentKind.TEXT, contents, labels, seed=0).to_bytes())
    assert model.classes == ()
    assert model.predict_proba(contents).shape == (3, 0)
    assert model.embed(contents).shape == (3, model.dimensions)


@pytest.mark.parametrize(
    ("kind", "contents"),
    [
        (ContentKind.TEXT, texts("one")),
        (ContentKind.TEXT, texts("!!!", "?")),
        (ContentKind.TEXT, texts("same words", "same words")),
        (ContentKind.TEXT, texts("x" * 10_000, "…")),
        (ContentKind.TABLE, rows({"a": 1})),
        (ContentKind.TABLE, rows({"a": None}, {"b": ""})),
        (ContentKind.TABLE, rows({"a": 5, "c": "k"}, {"a": 5, "c": "k"})),
        (ContentKind.TABLE, rows({"a": 1e308}, {"a": -1e308}, {"a": "1e400"})),
        (ContentKind.TABLE, rows({"a": 1}, {"b": True}, {"a": "?"})),
        (ContentKind.IMAGE, images([[0]])),
        (ContentKind.IMAGE, images([[0, 0]], [[9] * 300] * 2, [[1], [2]])),
    ],
)
def test_tiny_and_strange_pools_still_make_a_model(
    kind: ContentKind, contents: list[Content]
) -> None:
    labels = ["a", "b", "a"][: len(contents)]
    model = Model.fit(kind, contents, labels, seed=0, committee=2)
    embeddings, probabilities = Model.from_bytes(model.to_bytes()).embed_and_predict(contents)
    lengths = np.linalg.norm(embeddings, axis=1)
    assert all(length == pytest.approx(1.0, abs=1e-5) or length == 0.0 for length in lengths)
    assert np.isfinite(probabilities).all()
    assert probabilities.shape == (len(contents), len(model.classes))


def test_contents_unlike_those_fitted_are_embedded_all_the_same() -> None:
    table = fitted(ContentKind.TABLE)
    strange = rows({"age": "unknown", "city": "nowhere", "new": 1}, {})
    assert np.isfinite(table.predict_proba(strange)).all()
    text = fitted(ContentKind.TEXT)
    assert (text.embed(texts("entirely unheard-of")) == 0.0).all()


def test_a_table_learns_from_numbers_written_as_text_but_keeps_codes_apart() -> None:
    contents = rows(*({"n": str(i), "zip": f"0{i % 2}"} for i in range(20)))
    features = Model.fit(ContentKind.TABLE, contents, [None] * 20, seed=0).features
    assert features.state()["numeric"] == ["n"]
    assert features.state()["categorical"] == ["zip"]


def test_large_images_are_shrunk_by_the_mean_of_what_a_pixel_covers() -> None:
    halves = [[0, 0, 8, 8]] * 64
    model = Model.fit(ContentKind.IMAGE, images(halves), ["a"], seed=0)
    frame = model.features.transform(images(halves)).toarray().reshape(32, 4)
    assert frame.max() == 1.0
    assert (frame[:, 1] == 0.0).all()
    assert (frame[:, 2] == 1.0).all()


def test_the_digits_are_learned_from_two_hundred_labels(digits: Digits) -> None:
    contents, labels = digits.contents, digits.labels
    known = [*labels[:200], *[None] * 200]
    model = Model.fit(ContentKind.IMAGE, contents[:400], known, seed=0)
    predicted = np.array(model.classes)[model.predict_proba(contents[400:]).argmax(axis=1)]
    assert np.mean(predicted == np.array(labels[400:])) > 0.85


@pytest.mark.parametrize(("contents", "labels"), [([], []), (texts("a"), [])])
def test_contents_without_their_labels_are_refused(
    contents: list[Content], labels: list[str | None]
) -> None:
    with pytest.raises(InvalidTraining):
        Model.fit(ContentKind.TEXT, contents, labels, seed=0)


@settings(deadline=None, max_examples=50)
@given(data=st.binary(max_size=200))
def test_bytes_that_are_no_model_are_not_trusted(data: bytes) -> None:
    with pytest.raises(UntrustedModel):
        Model.from_bytes(data)


def test_a_type_that_is_not_on_the_list_is_not_constructed() -> None:
    # A type that skops itself trusts, but that no model here is made of.
    with pytest.raises(UntrustedModel, match="SGDClassifier"):
        Model.from_bytes(skops.io.dumps({"format": 1, "classifier": SGDClassifier()}))
    with pytest.raises(UntrustedModel, match="no model"):
        Model.from_bytes(skops.io.dumps({"format": 2}))


def test_a_forged_type_in_a_model_is_found() -> None:
    original = fitted(ContentKind.TABLE).to_bytes()
    forged = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as source, zipfile.ZipFile(forged, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "schema.json":
                schema = json.loads(data)
                schema["content"]["classifier"]["__module__"] = "os"
                schema["content"]["classifier"]["__class__"] = "system"
                data = json.dumps(schema).encode()
            target.writestr(name, data)
    with pytest.raises(UntrustedModel, match=r"os\.system"):
        Model.from_bytes(forged.getvalue())
