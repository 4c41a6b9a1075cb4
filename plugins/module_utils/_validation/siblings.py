# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Comparing a server with its siblings: same device type, same bill of material, earlier runs.

Median and median absolute deviation (MAD) are not moved by the odd ones among few servers, as mean and standard
deviation are. That a server is odd does not say why: it may be sick or set up otherwise.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .profile import SiblingPolicy

# Of a normal distribution, one standard deviation.
_MAD_TO_DEVIATION = 1.4826
# Of a server with few metrics one is a large part; among few siblings one is odd by chance too often.
_FEWEST_ODD = 3


@dataclass(frozen=True)
class Odd:
    """A metric that is worse than that of the siblings. `percent` is how much worse than their median."""

    metric: str
    value: float
    median: float
    percent: float
    required: bool


@dataclass(frozen=True)
class Comparison:
    """What came of it. `verdict` is pass, warn or fail; None with `note` where there are too few siblings.

    `odd` has the worst first; `medians` are by metric, of the metrics that enough siblings have.
    """

    verdict: str | None
    note: str
    runs: int
    compared: int
    odd: tuple[Odd, ...]
    medians: Mapping[str, float]


def compare(
    own: Mapping[str, float],
    siblings: Sequence[Mapping[str, float]],
    policy: SiblingPolicy,
    *,
    required: Collection[str] = (),
    lower_is_better: Collection[str] = (),
) -> Comparison:
    """Compare one server's metrics with those of its siblings, one mapping a sibling, its latest run alone.

    The server's own metrics are not among them. A metric counts where at least `policy.runs` siblings have it.
    `required` are the metrics of which one alone, being far worse, fails the server.
    """
    if len(siblings) < policy.runs:
        note = (
            f"compared with no siblings: {len(siblings)} of the same type and bill of material have a run, "
            f"it takes {policy.runs}; absolute thresholds alone hold"
        )
        return Comparison(None, note, len(siblings), 0, (), {})
    odd: list[Odd] = []
    medians: dict[str, float] = {}
    for metric, value in own.items():
        values = [each[metric] for each in siblings if metric in each]
        if len(values) < policy.runs:
            continue
        medians[metric] = statistics.median(values)
        worse = medians[metric] - value if metric not in lower_is_better else value - medians[metric]
        if worse > _allowed(values, medians[metric], policy):
            percent = 100 * worse / abs(medians[metric]) if medians[metric] else 100.0
            odd.append(Odd(metric, value, medians[metric], percent, metric in required))
    odd.sort(key=lambda each: (-each.percent, each.metric))
    verdict = _verdict(odd, len(medians), policy)
    note = f"compared with {len(siblings)} siblings in {len(medians)} metrics: {len(odd)} differ for the worse"
    return Comparison(verdict, note, len(siblings), len(medians), tuple(odd), medians)


def _allowed(values: Sequence[float], median: float, policy: SiblingPolicy) -> float:
    mad = statistics.median(abs(value - median) for value in values)
    return max(policy.deviations * _MAD_TO_DEVIATION * mad, abs(median) * policy.percent / 100)


def _verdict(odd: Sequence[Odd], compared: int, policy: SiblingPolicy) -> str:
    if any(each.required and each.percent >= policy.required_percent for each in odd):
        return "fail"
    share = len(odd) / compared if compared else 0.0
    if len(odd) >= _FEWEST_ODD and share >= policy.fail_share:
        return "fail"
    return "warn" if odd and share >= policy.warn_share else "pass"
