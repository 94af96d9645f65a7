"""Processor time of the parts of a stack, and of whatever else the machine does meanwhile."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

from workers.local_stack import LocalStack

ELSEWHERE = "elsewhere"


def processor_time(stack: LocalStack) -> dict[str, float]:
    """Seconds so far, by part and for the whole machine (`all`)."""
    seconds = {name: _of(stack.process(name)) for name in stack.parts}
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return seconds | {"all": sum(times[:8]) - idle}


def spent(
    before: Mapping[str, float], after: Mapping[str, float], *, generator: float
) -> dict[str, float]:
    """Seconds between two readings, by part; `elsewhere` is what nobody here has asked for."""
    seconds = {name: after[name] - before[name] for name in after}
    parts = {name: each for name, each in seconds.items() if name != "all"}
    parts["load generator"] = generator
    return parts | {ELSEWHERE: max(0.0, seconds["all"] - sum(parts.values()))}


def _of(process: psutil.Process) -> float:
    """Of the process, its children, and those that have ended."""
    times = process.cpu_times()
    seconds = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        try:
            own = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += own.user + own.system
    return float(seconds)
