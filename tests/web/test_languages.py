"""What pages say, without a browser: catalogues, the choice of a language, figures, sentences."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from jinja2 import nodes

from api.catalogues import FOLDER, language_for, languages, read_catalogue
from api.cli import ledger_words
from api.language import ENGLISH, decimal, gettext, ngettext, number, percent, speaking
from api.problem_words import KNOWN_CODES, SENTENCES, SUMMARIES, problem_sentence
from api.recorded_words import RECORDED, told, told_parts
from api.vocabulary import DECISIONS, vocabulary
from api.web.rendering import HERE, TEMPLATES
from api.web.script_catalogue import script_catalogue
from docs.messages import ROOT, messages, updated
from domain import errors
from tests.web.german import GERMAN

CATALOGUES = sorted(FOLDER.glob("*.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|\{\w+\}")
TAG = re.compile(r"</?[a-z][^>]*>")
TEMPLATE_FILES = sorted((HERE / "templates").glob("*.html"))

SAME = re.compile(
    r"\b(Labelwright|URL|v)\b|labelwright [\w -]+[A-Z]*|https://example\.com/labelwright"
)
"""What stands in templates and is the same in every language."""

catalogues = pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)


def translations(path: Path) -> Iterator[tuple[Message, list[tuple[str, str]]]]:
    """Every message of a catalogue with its originals beside its translations."""
    for message in read_catalogue(path):
        if not message.id:
            continue
        if isinstance(message.id, str):
            yield message, [(message.id, str(message.string))]
        else:
            one, many = message.id
            forms = list(message.string or ())
            yield message, [(one if place == 0 else many, form) for place, form in enumerate(forms)]


# -- the catalogues ---------------------------------------------------------------------------


@catalogues
def test_a_catalogue_has_what_pages_say_and_nothing_else(path: Path) -> None:
    assert path.read_text() == updated(path, said()), "run `make messages`"


@catalogues
def test_everything_is_translated_and_nothing_is_a_guess(path: Path) -> None:
    for message, pairs in translations(path):
        assert not message.fuzzy, message.id
        assert pairs, message.id
        assert all(form for _, form in pairs), message.id


@catalogues
def test_a_translation_keeps_placeholders_and_tags(path: Path) -> None:
    for message, pairs in translations(path):
        for original, form in pairs:
            # A form for one alone may say the number in a word, as English does.
            missing = set(PLACEHOLDER.findall(form)) ^ set(PLACEHOLDER.findall(original))
            assert not missing, message.id
            assert sorted(TAG.findall(form)) == sorted(TAG.findall(original)), message.id


@catalogues
def test_a_translation_can_stand_in_an_attribute(path: Path) -> None:
    for message, pairs in translations(path):
        for _, form in pairs:
            assert '"' not in TAG.sub("", form), message.id
            assert not re.search(r"[<>]", TAG.sub("", form)), message.id


@cache
def said() -> Catalog:
    """What pages say; collected once, since it takes a second or two."""
    return messages()


def test_messages_come_from_templates_python_and_scripts() -> None:
    found = said()
    assert found.get("Sign in")
    assert found.get("answers review tasks")
    assert found.get("Your answer “{answer}” to {record} was not taken:")
    assert found.get("edge case", context="dataset role")


def test_scripts_get_what_they_say_in_the_chosen_language_and_nothing_else() -> None:
    found = script_catalogue(GERMAN)
    assert found is not None
    assert '"Copied": "Kopiert"' in found.text
    assert '"exclusion\\u0004low quality"' in found.text
    assert "Show what I type" not in found.text
    assert script_catalogue(ENGLISH) is None


SCRIPTS = sorted((HERE / "static").glob("*.js"))
SAID = re.compile(r'(?<![\w$])(?:t|tn|pieces)\(\s*("(?:[^"\\]|\\.)*")')


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_everything_that_a_script_says_is_found(path: Path) -> None:
    known = {
        each
        for message in said()
        if message.id
        for each in ([message.id] if isinstance(message.id, str) else message.id)
    }
    assert [
        each for each in SAID.findall(path.read_text()) if ast.literal_eval(each) not in known
    ] == []


# -- templates --------------------------------------------------------------------------------


class Bare(HTMLParser):
    """Text and spoken attributes of a template that no translation has touched."""

    ATTRIBUTES = frozenset({"alt", "aria-label", "placeholder", "title"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self._note(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        for name, value in attrs:
            if name in self.ATTRIBUTES:
                self._note(value or "")

    def _note(self, text: str) -> None:
        if re.search(r"[A-Za-z]", SAME.sub("", text)):
            self.found.append(text.strip())


def shown(node: nodes.Node) -> Iterator[str]:
    """The literal text that an expression of a template may show."""
    match node:
        case nodes.Const(value=str() as value):
            yield value
        case nodes.CondExpr():
            yield from shown(node.expr1)
            if node.expr2 is not None:
                yield from shown(node.expr2)
        case nodes.Concat():
            for each in node.nodes:
                yield from shown(each)
        case nodes.Or() | nodes.And() | nodes.Add():
            yield from shown(node.left)
            yield from shown(node.right)
        case nodes.Filter(node=nodes.Node() as inner):
            yield from shown(inner)


def written(node: nodes.Node) -> Iterator[str]:
    """The template as HTML, with nothing in the place of what comes from elsewhere."""
    if isinstance(node, nodes.Block) and node.name == "body_class":
        return  # a class of the style sheet
    if isinstance(node, nodes.Output):
        for each in node.nodes:
            yield each.data if isinstance(each, nodes.TemplateData) else "".join(shown(each))
        return
    for child in node.iter_child_nodes():
        yield from written(child)


def bare_text(source: str) -> list[str]:
    parser = Bare()
    parser.feed("".join(written(TEMPLATES.parse(source))))
    parser.close()
    return parser.found


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: path.name)
def test_a_template_says_nothing_that_is_not_translated(path: Path) -> None:
    assert bare_text(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Some words</p>",
        '<img alt="A picture">',
        '<p>{{ "Yes" if x else _("No") }}</p>',
        "<p title=\"{{ name ~ ' says so' }}\"></p>",
    ],
)
def test_bare_text_is_found_wherever_it_stands(source: str) -> None:
    assert bare_text(source)


# -- the choice -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "de", "de"),
        (None, "de-AT,de;q=0.9,en;q=0.5", "de"),
        (None, "fr-FR, fr;q=0.9, de;q=0.4, en;q=0.6", "en"),
        (None, "DE", "de"),
        (None, "de;q=0", "en"),
        (None, "de;q=much, ;;;, *", "en"),
        ("de", "en", "de"),
        ("en", "de", "en"),
        ("tlh", "de", "de"),
        ("../de", "", "en"),
    ],
)
def test_a_choice_counts_before_the_browser_and_both_before_english(
    chosen: str | None, accepted: str, language: str
) -> None:
    assert language_for(chosen, accepted).tag == language


def test_a_language_says_its_own_name_and_direction() -> None:
    assert {each.name for each in languages().values()} == {"English", "Deutsch"}
    assert {each.direction for each in languages().values()} == {"ltr"}


# -- figures and sentences --------------------------------------------------------------------


def test_figures_are_written_as_the_language_writes_them() -> None:
    assert (decimal(12345.678, 1), percent(0.125, 1)) == ("12,345.7", "12.5\N{NO-BREAK SPACE}%")
    assert (number(0.31, 3), percent(0.25, optional=1)) == ("0.31", "25\N{NO-BREAK SPACE}%")
    with speaking(GERMAN):
        assert (decimal(12345.678, 1), percent(0.125, 1)) == ("12.345,7", "12,5\N{NO-BREAK SPACE}%")
        assert (number(0.31, 3), decimal(-1)) == ("0,31", "\N{MINUS SIGN}1")


def test_a_sentence_goes_with_its_number() -> None:
    with speaking(GERMAN):
        assert gettext("Sign in") == "Anmelden"
        forms = [ngettext("{count} answer", "{count} answers", count) for count in (0, 1, 2)]
    assert forms == ["{count} Antworten", "{count} Antwort", "{count} Antworten"]
    assert gettext("Sign in") == "Sign in"


def test_what_the_process_has_written_down_is_told_in_the_language_of_the_page() -> None:
    with speaking(GERMAN):
        assert told("Round r-1 was cancelled: nobody has time.") == (
            "Runde r-1 wurde abgebrochen: nobody has time."
        )
        assert told("Round r-1 is reviewing.") == "Runde r-1, Phase: Review."
        assert told("risk is not known: no record has risk") == (
            "risk ist nicht bekannt: kein Eintrag hat risk"
        )
        assert told("something that nobody foresaw") == "something that nobody foresaw"
        assert told_parts("risk 0.90; unlike the arm's other picks") == (
            "Risiko 0.90; den anderen Einträgen dieses Arms unähnlich"
        )
    assert told("Round r-1 is reviewing.") == "Round r-1 is reviewing."


WRITERS = (
    "domain/accounts.py",
    "domain/announcements.py",
    "domain/duties.py",
    "domain/round_notices.py",
    "activities/delivery.py",
    "activities/evaluation.py",
    "learning/evaluation.py",
    "learning/selection/exclusions.py",
    "learning/selection/findings.py",
    "learning/selection/reasons.py",
    "learning/selection/rules.py",
    "learning/selection/scores.py",
    "learning/selection/selecting.py",
    "domain/labels.py",
    "domain/records.py",
    "storage/chunks.py",
    "storage/readers.py",
    "storage/rows.py",
    "storage/sides.py",
)
"""Where sentences are made that are written down."""
GAP = "\N{OBJECT REPLACEMENT CHARACTER}"


def sentences_of(name: str) -> Iterator[str]:
    """The texts in a module's code, with a mark where they hold a value."""
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{[^}]*\}", GAP, node.value)


@pytest.mark.parametrize("name", ["domain/records.py", "storage/rows.py", "storage/sides.py"])
def test_every_reason_of_a_refused_row_has_a_pattern(name: str) -> None:
    made = [
        *re.findall(r'InvalidRecord\(\s*f?"([^"]+)"', (ROOT / name).read_text()),
        *re.findall(r'yield \w+, f?"([^"]+)"', (ROOT / "storage/readers.py").read_text()),
    ]
    assert len(made) > 3
    with speaking(GERMAN):
        untold = [each for each in made if told(_with_values(each)) == _with_values(each)]
    assert untold == []


def _with_values(sentence: str) -> str:
    values = {"{name}": "left", "{role}": "test", "{_NEEDS_LABEL[role]}": "test"}
    return re.sub(r"\{[^}]+\}", lambda found: values.get(found[0], "7"), sentence)


def test_every_pattern_is_a_sentence_that_the_code_still_makes() -> None:
    made = {each for name in WRITERS for each in sentences_of(name)}
    forms = [
        re.compile(re.escape(each).replace(re.escape(GAP), ".+"))
        for each in made
        if re.search(r"\w{2}", each)
    ]
    gone = []
    for pattern in RECORDED:
        if pattern.startswith(("usage restriction", "quality status")):
            continue  # columns, whose names the code reads
        example = re.sub(r"\{\w+\}", "7", pattern)
        if not any(form.fullmatch(example) for form in forms):
            gone.append(pattern)
    assert gone == []


@pytest.mark.parametrize("name", ["domain/announcements.py", "domain/round_notices.py"])
def test_every_notice_has_a_pattern(name: str) -> None:
    notices = [each for each in sentences_of(name) if GAP in each and each.endswith(".")]
    notices = [each for each in notices if len(each.replace(GAP, "")) > 10]
    assert notices
    fillings = ("7 records", "failed 7 of its policy’s gates")
    with speaking(GERMAN):
        untold = [
            each
            for each in notices
            if all(
                told(example) == example
                for example in (each.replace(GAP, filling) for filling in fillings)
            )
        ]
    assert untold == []


def test_every_code_that_has_a_sentence_is_the_code_of_a_problem() -> None:
    codes = {
        each.code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.LabelwrightError)
    }
    assert codes | {"invalid_request", "internal_error"} >= KNOWN_CODES
    assert not SENTENCES.keys() & SUMMARIES.keys()


def test_a_problem_is_told_by_its_code_and_in_detail_where_the_code_says_little() -> None:
    with speaking(GERMAN):
        assert problem_sentence("task_closed", "closed").startswith("Die Aufgabe ist geschlossen")
        assert problem_sentence("not_found", "no pool “x”").endswith("(no pool “x”).")
        assert problem_sentence("brand_new", "why").startswith("Das hat nicht funktioniert")


def test_every_decision_that_the_command_line_words_has_a_word_on_its_page() -> None:
    assert set(ledger_words._WORDS) <= set(DECISIONS)


def test_no_word_stands_twice_in_a_vocabulary() -> None:
    words = list(vocabulary())
    assert len(words) == len(set(words))
