# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The header of a step file: lines `# key: value` at its top, up to the first line that is no comment.

    #!/bin/sh
    # summary: burns the GPUs in
    # needs: dcgmi
    # destructive: no
    # budget: 1800
    # heartbeat: 15
    # parallel: alone
    # metrics: gpu_count gpu_gflops

The name of the step is the file's, `NN-name`. Other comments may stand between the lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .catalogue import Metric, parse_metric
from .messages import METRIC_NAME, STEP_NAME

ALONE = "alone"
NO, GUARDED, YES = "no", "guarded", "yes"
_LINE = re.compile(r"#\s*([a-z]+)\s*:\s*(.*?)\s*$")
_KEYS = ("summary", "needs", "destructive", "budget", "heartbeat", "parallel", "metrics")
_MOST_LINES = 100
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,64}")


class HeaderError(ValueError):
    """A step file without a header that can be used."""


@dataclass(frozen=True)
class Header:
    """What a step says of itself.

    `needs` are programs. `destructive` is `no`, `guarded` (it asks for each disk whether it may) or `yes` (it runs only
    where the profile says so). The step is stopped after `budget_s`, or after the profile's budget if that is shorter;
    heartbeats come as often as `heartbeat_s` or the task wants, whichever is more often. Steps with the same `parallel`
    class never run at the same time, neighbours with different ones do, and `alone` runs beside nothing.
    """

    name: str
    summary: str
    budget_s: float
    needs: tuple[str, ...] = ()
    destructive: str = NO
    heartbeat_s: float = 15.0
    parallel: str = ALONE
    metrics: tuple[Metric, ...] = ()


def read_header(name: str, text: str) -> Header:
    """Read the header of the step file called `name`. Raises HeaderError, whose text names file and key."""
    if not STEP_NAME.fullmatch(name):
        raise HeaderError(f"{name[:80]}: a step is called by two digits and a name, as 50-gpu")
    found = _lines(name, text)
    missing = [key for key in ("summary", "budget", "metrics") if not found.get(key)]
    if missing:
        raise HeaderError(f"{name}: its header lacks {' and '.join(missing)}; write it as # {missing[0]}: …")
    destructive = found.get("destructive", NO)
    if destructive not in (NO, GUARDED, YES):
        raise HeaderError(f"{name}: destructive takes no, guarded or yes")
    return Header(
        name=name,
        summary=found["summary"],
        budget_s=_seconds(name, "budget", found["budget"]),
        needs=_words(name, "needs", found.get("needs", "")),
        destructive=destructive,
        heartbeat_s=_seconds(name, "heartbeat", found.get("heartbeat", "15")),
        parallel=_words(name, "parallel", found.get("parallel", ALONE))[0],
        metrics=_metrics(name, found["metrics"]),
    )


def side_by_side(headers: Sequence[Header]) -> list[list[Header]]:
    """Return steps in their order, in groups that run at the same time."""
    groups: list[list[Header]] = []
    for header in sorted(headers, key=lambda each: each.name):
        last = groups[-1] if groups else []
        classes = {each.parallel for each in last}
        if last and ALONE not in classes and header.parallel != ALONE and header.parallel not in classes:
            last.append(header)
        else:
            groups.append([header])
    return groups


def _lines(name: str, text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines()[:_MOST_LINES]:
        if not line.startswith("#"):
            break
        match = _LINE.match(line)
        if match is None or match[1] not in _KEYS:
            continue
        if match[1] in found:
            raise HeaderError(f"{name}: its header has {match[1]} twice")
        found[match[1]] = match[2]
    return found


def _seconds(name: str, key: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or float(text) <= 0:
        raise HeaderError(f"{name}: {key} takes seconds, more than 0")
    return float(text)


def _words(name: str, key: str, text: str) -> tuple[str, ...]:
    words = tuple(text.replace(",", " ").split())
    if not all(_WORD.fullmatch(word) for word in words) or (key == "parallel" and len(words) != 1):
        raise HeaderError(f"{name}: {key} takes {'one word' if key == 'parallel' else 'names of programs'}")
    return words


def _metrics(name: str, text: str) -> tuple[Metric, ...]:
    words = text.replace(",", " ").split()
    try:
        metrics = tuple(parse_metric(word) for word in words)
    except ValueError as error:
        raise HeaderError(f"{name}: metrics: {error}") from None
    wrong = [metric.name for metric in metrics if not METRIC_NAME.fullmatch(metric.name)]
    if wrong:
        raise HeaderError(f"{name}: metrics: {wrong[0][:80]} is no name of small letters, digits and _")
    return metrics
