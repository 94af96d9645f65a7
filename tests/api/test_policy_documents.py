"""Policy documents: what can be followed survives being written, what is wrong has a line."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.documents.writing import differences, dump_yaml, to_document
from api.policies import ready_made
from api.policies.documents import examine, json_schema, parse_policy
from docs.reference import DOCS
from domain.arms import ArmKind, Signal
from domain.errors import InvalidPolicy
from domain.policy import MIN_RANDOM_SHARE, SamplingPolicy
from domain.policy_rules import expressions
from tests.api.team import POLICY
from tests.domain.policies import policies

unhurried = settings(deadline=None)
"""The machine may be busy; how long it takes is nobody's business here."""


@unhurried
@given(policies())
def test_what_is_written_as_yaml_or_json_reads_back_as_the_same(policy: SamplingPolicy) -> None:
    assert parse_policy(dump_yaml(policy)) == policy
    document = to_document(policy)
    assert parse_policy(json.dumps(document)) == policy
    assert parse_policy(json.dumps(document, indent="\t")) == policy


@unhurried
@given(policies())
def test_whatever_version_it_has_a_document_has_none(policy: SamplingPolicy) -> None:
    later = replace(policy, version=7)
    assert "version" not in to_document(later)
    assert differences(policy, later, names=("a", "b")) == []


@unhurried
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_a_policy_or_has_faults(text: str | bytes) -> None:
    policy, faults = examine(text)
    assert (policy is not None) or faults
    assert all(str(fault) for fault in faults)


def lines(document: str) -> list[str]:
    """Every fault of the document as people read it."""
    with pytest.raises(InvalidPolicy) as refused:
        parse_policy(document)
    assert refused.value.context["faults"]
    return [str(fault) for fault in examine(document)[1]]


def test_every_fault_is_told_with_its_line() -> None:
    document = """\
name: weekly
batch_size: "100"
arms:
  - name: uncertain
    kind: uncertin
    share: 0.8
    signals: {margn: 1}
  - name: random
    kind: random
    where: 5
gatess: []
"""
    assert [line.partition(" is none of")[0] for line in lines(document)] == [
        "line 2: batch_size: must be a whole number",
        "line 5: arms[0].kind: “uncertin”",
        "line 7: arms[0].signals.margn: “margn”",
        "line 8: arms[1].share: is missing",
        "line 10: arms[1].where: must be a text: put it in quotes",
        "line 11: gatess: nobody knows “gatess” here",
    ]
    hints = [fault.hint for fault in examine(document)[1]]
    assert hints[1:3] == ["did you mean uncertain?", "did you mean margin?"]
    assert hints[5] == "did you mean gates?"


def test_rules_have_lines_as_types_do() -> None:
    document = POLICY.replace("share: 0.5", "share: 0.02") + "half_life_days: 0\n"
    assert lines(document) == [
        "line 4: arms: the shares add up to 0.04, not to 1",
        "line 6: arms[1].share: is 2.0%; at least 5% must be random",
        "line 7: half_life_days: must be above 0",
    ]


@pytest.mark.parametrize(
    ("document", "because"),
    [
        ("", "the document is empty"),
        ("- a", "line 1: a policy is a mapping"),
        ("name: x\nname: y", "line 2: name: “name” is written twice"),
        ("a: &all [1]\nb: *all", "line 1: anchors and aliases are not read"),
        ("name: !!python/name:os.system", "line 1: name: the tag"),
        ("name: !secret x", "line 1: name: the tag"),
        ("<<: {name: x}", "nobody knows “<<” here"),
        ("[" * 100, "nested too deeply"),
        ("name: [", "neither YAML nor JSON"),
        ("name: a\n---\nname: b", "neither YAML nor JSON"),
        ("1: a", "line 1: a key is a text"),
        ("name: '\x07'", "nobody can see"),
        ('name: "\\0"', "line 1: name: a text holds a NUL character"),
        ('name: "\\ud800"', "line 1: name: a text holds half a character"),
        ("seed: " + "9" * 5_000, "is no number that can be read"),
        ("half_life_days: 1e999", "is no number that can be read"),
        ("half_life_days: .inf", "half_life_days: must be a number"),
        ("x" * 70_000, "larger than 64 KiB"),
        (POLICY + "version: 3", "line 7: version: is given by the system"),
        (POLICY.replace("weekly", "schema"), "line 2: name: “schema” is an address"),
        (POLICY.replace("{name: random", "{weight: 1, name: random"), "line 6: arms[1].weight:"),
    ],
)
def test_what_no_policy_may_hold_is_refused(document: str, because: str) -> None:
    assert because in "\n".join(lines(document))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InvalidPolicy, match="not UTF-8"):
        parse_policy(b"name: \xff")


def test_words_that_older_yaml_takes_for_something_else_stay_texts() -> None:
    document = POLICY + "limits:\n  - {column: language, value: no, max_share: 0.5}\n"
    assert parse_policy(document).limits[0].value == "no"
    assert parse_policy(document.replace("value: no", "value: 2024-01-01")).limits[0].value == (
        "2024-01-01"
    )
    assert lines(document.replace("value: no", "value: 5")) == [
        "line 8: limits[0].value: must be a text: put it in quotes"
    ]


def test_two_versions_differ_in_the_lines_that_changed() -> None:
    before = parse_policy(POLICY)
    after = parse_policy(POLICY.replace("batch_size: 4", "batch_size: 6"))
    found = differences(before, after, names=("weekly@1", "weekly@2"))
    assert found[:2] == ["--- weekly@1", "+++ weekly@2"]
    changed = [line for line in found[2:] if line.startswith(("+", "-"))]
    assert changed == ["-batch_size: 4", "+batch_size: 6"]


def test_the_schema_describes_each_field_and_forbids_others() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert "version" not in schema["properties"]
    assert schema["properties"]["half_life_days"]["description"].startswith("The age at which")
    assert set(schema["$defs"]["Signal"]["enum"]) == {signal.value for signal in Signal}
    assert schema["$defs"]["Arm"]["additionalProperties"] is False
    assert all(kind.value in schema["$defs"]["ArmKind"]["description"] for kind in ArmKind)


PAGE = (DOCS / "policies.md").read_text()


def test_the_example_in_the_documentation_can_be_followed() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    policy = parse_policy(example)
    assert policy.quotas() == {"uncertain": 60, "german-novelties": 20, "random": 20}


def test_the_documentation_names_every_key_kind_and_ready_made_policy() -> None:
    keys = [each.name for each in fields(SamplingPolicy)]
    wanted = [*keys, *ArmKind, *ready_made.NAMES]
    assert [word for word in wanted if f"`{word}`" not in PAGE] == []


# -- those that come with the product ---------------------------------------------------------


@pytest.mark.parametrize("name", ready_made.NAMES)
def test_a_ready_made_policy_is_what_its_file_says_and_can_be_followed(name: str) -> None:
    policy, text = ready_made.load(name)
    assert policy.name == name
    assert policy.batch_size == 100
    assert policy.description
    assert text.startswith("# ")
    assert policy.random_arm.share >= 2 * MIN_RANDOM_SHARE
    assert expressions(policy) is not None
    assert parse_policy(dump_yaml(policy)) == policy


@pytest.mark.parametrize("name", [ready_made.COLD_START, ready_made.GROWING, ready_made.MATURE])
def test_a_policy_for_any_pool_asks_for_no_metadata(name: str) -> None:
    policy, _ = ready_made.load(name)
    from_metadata = {
        Signal.RISK,
        Signal.BUSINESS_VALUE,
        Signal.SENSITIVITY,
        Signal.SEGMENT_RARITY,
        Signal.SEGMENT_ERROR_RATE,
        Signal.FLAGGED,
        Signal.RECENCY,
    }
    assert not policy.signals & from_metadata
    assert not policy.limits
    assert not expressions(policy)


@pytest.mark.parametrize(
    ("labelled", "name"),
    [(0, "cold-start"), (1, "growing"), (999, "growing"), (1_000, "mature"), (10**6, "mature")],
)
def test_maturity_is_told_by_the_number_of_labels(labelled: int, name: str) -> None:
    assert ready_made.for_labels(labelled) == name
