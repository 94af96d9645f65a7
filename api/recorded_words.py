"""Sentences that the process has written down, told in the language that is spoken.

Notices, notes on a batch, the reasons of a selection and the like are stored as sentences in
English, since a history is the same for everybody. Here are their patterns: a sentence that is one
of them is told by the pattern's translation, and any other stays as it was written. What a pattern
holds in braces is data and is not translated, but for what is called `said`: sentences inside of
others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from api.language import ENGLISH, N_, gettext, pgettext, spoken
from api.vocabulary import words
from domain.rounds import Phase

NOTICES = (
    N_("1 record of round {round} still to be judged, until {deadline}."),
    N_("{records} records of round {round} still to be judged, until {deadline}."),
    N_("1 record of round {round} unsettled after {hours} hours; the deadline is {deadline}."),
    N_(
        "{records} records of round {round} unsettled after {hours} hours; "
        "the deadline is {deadline}."
    ),
    N_(
        "A reviewer of round {round} is paused: {right} of their last {answered} known answers "
        "were right."
    ),
    N_("{person} gave you a task of round {round}, record {record}: “{reason}”."),
    N_("Everybody who may do a task of round {round}, record {record}, has skipped it: {reasons}."),
    N_("Round {round} has started."),
    N_("Round {round} is {phase}."),
    N_(
        "{records} records of round {round} wait in {queue} for {wanted} people who bring "
        "nothing special; {people} do."
    ),
    N_(
        "{records} records of round {round} wait in {queue} for {wanted} people who bring "
        "{needs}; {people} do."
    ),
    N_(
        "The batch of round {round} failed {gates} of its policy’s gates, "
        "and waits for an approver’s decision."
    ),
    N_(
        "The batch of round {round} falls short of its policy, "
        "and waits for an approver’s decision."
    ),
    N_("Dataset {dataset} of round {round}, {records} records, waits for approval."),
    N_("Round {round} is complete."),
    N_("Round {round} was cancelled."),
    N_("Round {round} was cancelled: {reason}."),
    N_("Round {round} failed: {said}."),
    N_("Round {round} failed."),
    N_("The outcomes of {records} records of shard {shard} are withdrawn."),
    N_("{records} records of shard {shard} have their outcome."),
    N_("Dataset {dataset}, version {version}, is published."),
    N_("The model that round {round} trained has been measured."),
    N_("{person} broke the glass to {what} of round {round}: {reason}."),
    N_("Webhook {webhook} is paused: {said}. Its events wait."),
    N_("its server answered 410 Gone"),
    N_(
        "Webhook {webhook} could not be reached for days, and events were given up. "
        "They can be replayed."
    ),
)

BATCHES = (
    N_("{arm} found {found} of {wanted} records"),
    N_("{arm} picked by {method} instead of {other}: no model yet"),
    N_("{arm} picked by variety alone: no model yet"),
    N_("{signal} is not known: {said}"),
    N_("the pool was scored without what it needs"),
    N_("no record has {columns}"),
    N_("{signal} is missing of {records} records, counted as 0"),
    N_(
        "the same region was chosen in {rounds} rounds running: {picks} of this round's picks, "
        "{pool} of the pool"
    ),
    N_("{wanted} records, none excluded and no two nearly the same"),
    N_("at least {records} with {group}"),
    N_("at most {records} with {group}"),
    N_("usage restriction: any"),
    N_("usage restriction: {value}"),
    N_("quality status: any"),
    N_("quality status: {value}"),
    N_("out of scope"),
    N_("excluded by: {expression}"),
    N_("nearly the same as a labelled record"),
    N_("nearly the same as a test record"),
    N_("nearly the same text as a labelled record"),
    N_("nearly the same text as a test record"),
)

REASONS = (
    N_("drawn at random: one of {drawn} from {eligible}"),
    N_("as good as any other that is left"),
    N_("chosen for a limit"),
    N_("the nearest labelled record is {record} (distance {distance})"),
    N_("the model is unsure (uncertainty {value})"),
    N_("the model hesitates between {first} and {second} ({p} against {q})"),
    N_("the model takes it for {first} ({p}) rather than {second} ({q})"),
    N_("the model spreads its belief over many labels (entropy {value})"),
    N_("the committee's votes differ ({value})"),
    N_("the committee disagrees ({value})"),
    N_("the last two models disagree ({value})"),
    N_("models keep changing their mind ({value})"),
    N_("unlike anything labelled (novelty {value})"),
    N_("typical of the pool ({value})"),
    N_("of a class seldom seen, {label} (rarity {value})"),
    N_("of a segment seldom seen (rarity {value})"),
    N_("risk {value}"),
    N_("business value {value}"),
    N_("sensitivity {value}"),
    N_("its segment was often wrong before (error rate {value})"),
    N_("flagged in production"),
    N_("recent (recency {value})"),
    N_("a first record to compare the others with"),
    N_("stands for a little of the uncertainty"),
    N_("stands for a little of the pool"),
    N_("brings a little of the pool nearer"),
    N_("stands for {share} of the uncertainty"),
    N_("stands for {share} of the pool"),
    N_("brings {share} of the pool nearer"),
    N_("farthest from everything labelled or selected so far (distance {distance})"),
    N_("unlike the arm's other picks"),
    N_("typical of a group with nothing labelled"),
    N_("in the middle of a group of such records"),
)

EVALUATIONS = (
    N_("the dataset has no test records yet"),
    N_("the labels are of fewer than two classes, so there is no model"),
    N_("only {records} test records: these figures say little"),
    N_("there was no model before this round"),
    N_("the {arms} of this round have no labels to compare"),
)

DUTIES = (
    N_("you asked for this round, so another person must {said}"),
    N_("approve its dataset"),
    N_("decide about its batch"),
    N_("you reviewed or adjudicated in this round, so another person must approve it"),
    N_("you wrote the policy that selected this batch, so another person must decide"),
    N_("you wrote the policy that you name, so another person must amend by it"),
)

REFUSALS = (
    N_("the record id is missing"),
    N_("the record id is longer than {limit} characters"),
    N_("the record id holds characters that cannot be printed"),
    N_("the record id stands on line {line} already, with other content"),
    N_("the content is {size} bytes; the limit is {limit}"),
    N_("the metadata are {size} bytes; the limit is {limit}"),
    N_("a number is NaN or infinite"),
    N_("a number is infinite"),
    N_("the text is empty or not a text"),
    N_("the text holds a NUL character"),
    N_("the row has no columns"),
    N_("a table row holds numbers, texts and truth values only"),
    N_("the left side of the pair is neither a text nor a row"),
    N_("the right side of the pair is neither a text nor a row"),
    N_("the left side of the pair: {said}"),
    N_("the right side of the pair: {said}"),
    N_("one side of the pair is a text and the other a row"),
    N_("the left side is neither a text nor an object of columns"),
    N_("the right side is neither a text nor an object of columns"),
    N_("an image is a list of rows of grey values"),
    N_("the rows of the image differ in length"),
    N_("a grey value is not a number from 0 to 255"),
    N_("the pixels are not a JSON list of rows"),
    N_("column “{column}” holds {type}, which is no text"),
    N_("the pool has no label schema"),
    N_("“{label}” is not a label of {schema}@{version}"),
    N_("{schema}@{version} gives a record {labels}, not {found}"),
    N_("one of the labels is empty"),
    N_("there is a list of labels, and the label schema gives a record one"),
    N_("the label is neither a text nor a number"),
    N_("the role is none of train, test and gold: {role}"),
    N_("the role is test, but the record has no label to test with"),
    N_("the role is gold, but the record has no label to measure with"),
    N_("the row is nested too deeply"),
    N_("the row is not UTF-8 text"),
    N_("the row is not CSV: {error}"),
    N_("the row has {cells} cells, the header {header}"),
    N_("the line is longer than {limit} bytes"),
    N_("the line is not UTF-8 text"),
    N_("the line is nested too deeply"),
    N_("the line is not JSON: {error}"),
    N_("the line is not a JSON object"),
)

RECORDED = (*NOTICES, *BATCHES, *REASONS, *EVALUATIONS, *DUTIES, *REFUSALS)


def told(sentence: str) -> str:
    """The sentence in the language that is spoken; as it was written where none is known of it."""
    if spoken() is ENGLISH:
        return sentence
    for pattern, form in _patterns():
        if found := form.fullmatch(sentence):
            return gettext(pattern).format(**dict(_values(found)))
    return sentence


def told_parts(sentences: str) -> str:
    """Several of them, with semicolons between."""
    return "; ".join(told(each) for each in sentences.split("; "))


def _values(found: re.Match[str]) -> Iterator[tuple[str, str]]:
    for name, value in found.groupdict().items():
        if name == "said":
            yield name, told(value)
        elif name == "phase" and value in set(Phase):
            yield name, pgettext("phase", words(value))
        elif name == "what":
            yield name, pgettext("overriding", value)
        else:
            yield name, value


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Those without a gap first, then those that say most: what fits two of them is the closer."""
    known = sorted(RECORDED, key=lambda each: ("{" in each, -len(re.sub(r"\{\w+\}", "", each))))
    return tuple((pattern, _form(pattern)) for pattern in known)


def _form(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", pattern)
    literal = [re.escape(part) for part in parts[::2]]
    gaps = [f"(?P<{name}>.+?)" for name in parts[1::2]]
    return re.compile("".join(a + b for a, b in zip(literal, [*gaps, ""], strict=True)), re.DOTALL)
