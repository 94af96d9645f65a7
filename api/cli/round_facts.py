"""A round in the terminal, as pairs of a word and what there is to say."""

from __future__ import annotations

from typing import Any


def facts_of(found: dict[str, Any]) -> list[tuple[str, object]]:
    """What a round was asked, what it waits for, and what came of it."""
    policy, summary = found["policy"], found["summary"]
    wanted = {each["name"]: each["records"] for each in policy["arms"]}
    chosen = summary.get("batch", {}).get("arms", wanted)
    largest_first = sorted(chosen.items(), key=lambda pair: -pair[1])
    arms = ", ".join(f"{records:,} {arm}" for arm, records in largest_first)
    used = summary.get("policy", policy)
    facts: list[tuple[str, object]] = [
        ("round", found["round_id"]),
        ("phase", found["phase"]),
        ("pool", found["pool"]),
        ("batch", f"{sum(chosen.values()):,}: {arms} ({used['name']}@{used['version']})"),
        ("schema", found["schema"]),
        ("guideline", found["guideline"]),
        ("routing", f"{found['routing']['name']}@{found['routing']['version']}"),
        ("asked for by", found["requested_by"]["name"]),
    ]
    if found["awaiting"]:
        facts.append(("waits for", found["awaiting"].get("who", "")))
        facts.extend(_unserved(found["awaiting"].get("unserved", [])))
        if digest := found["awaiting"].get("dataset_digest"):
            facts.append(("dataset to approve", digest))
        if digest := found["awaiting"].get("batch_digest"):
            facts.append(("batch to decide about", digest))
    for each in found["backlog"] or []:
        facts.append((f"{each['kind']}s {each['status']}", each["tasks"]))
    if quality := summary.get("quality"):
        alpha = quality.get("alpha")
        facts.append(("agreed", f"{quality['agreed']} of {quality['records']}"))
        facts.append(("Krippendorff's alpha", "unknown" if alpha is None else f"{alpha:.3f}"))
        if (of_sets := quality.get("alpha_of_sets")) is not None:
            facts.append(("alpha, sets agreeing in part", f"{of_sets:.3f}"))
    facts.extend(_overridden(summary.get("duties_overridden", [])))
    if published := summary.get("published"):
        facts.append(("published", f"{published['dataset']} v{published['version']}"))
    if evaluation := summary.get("evaluation"):
        facts.extend(_worth(evaluation))
    if failure := found["failure"]:
        facts.append(("ended because", failure.get("message") or failure.get("code", "")))
    return facts


def _overridden(decisions: list[dict[str, Any]]) -> list[tuple[str, object]]:
    """Decisions against the separation of duties: nobody should have to look for them."""
    return [
        ("GLASS BROKEN", f"{each['by']}, to {each['what']}: {each['reason']}") for each in decisions
    ]


def _unserved(lanes: list[dict[str, Any]]) -> list[tuple[str, object]]:
    """Records for which too few people qualify."""
    return [
        (
            "too few people",
            f"{each['people']} of {each['wanted']} reviewers for {each['records']:,} records in "
            + ": ".join([each["queue"], ", ".join(each["needs"])]),
        )
        for each in lanes
    ]


def _worth(evaluation: dict[str, Any]) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = []
    for name in ("before", "after"):
        if estimate := evaluation.get(name):
            interval = f"{estimate['low']:.3f} to {estimate['high']:.3f}, n={estimate['records']}"
            facts.append((f"{estimate['metric']} {name}", f"{estimate['value']:.3f} ({interval})"))
    if evaluation.get("lift") is not None:
        interval = f"{evaluation['lift_low']:+.3f} to {evaluation['lift_high']:+.3f}"
        facts.append(("lift", f"{evaluation['lift']:+.3f} ({interval})"))
    facts.extend(("note", note) for note in evaluation.get("notes", []))
    return facts


def line_of(found: dict[str, Any]) -> str:
    """Where the round stands, in one line."""
    waiting = (found["awaiting"] or {}).get("who")
    tally = ", ".join(
        f"{each['tasks']} {each['kind']}s {each['status']}" for each in found["backlog"] or []
    )
    parts = [found["phase"], f"waits for {waiting}" if waiting else "", tally]
    return ": ".join(part for part in parts if part)
