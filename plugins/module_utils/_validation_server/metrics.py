# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The receiver's figures in the text format of Prometheus."""

from __future__ import annotations

from .receiver import Receiver


def render_metrics(receiver: Receiver) -> str:
    """Write all figures. Raises SpoolError."""
    stats = receiver.spool.stats()
    started = sum(1 for run in receiver.state.open_runs() if run.started)
    gauges = {
        "spool_rows": (stats.rows, "Messages that NetBox does not have yet."),
        "spool_oldest_seconds": (round(stats.oldest_age_s, 3), "How long the oldest of them has waited."),
        "spool_bytes": (stats.size_bytes, "Size of the spool."),
        "log_bytes": (receiver.logs.size_bytes, "What all pieces of logs take."),
        "runs_under_way": (
            started,
            "Runs that began and have no verdict in NetBox.",
        ),
        "machines_admitted": (len(receiver.state.admissions()), "Machines that are given the image when they ask."),
    }
    lines = []
    for name, (value, about) in gauges.items():
        full = f"baremetal_validation_{name}"
        lines += [f"# HELP {full} {about}", f"# TYPE {full} gauge", f"{full} {value}"]
    full = "baremetal_validation_requests_total"
    lines += [f"# HELP {full} Requests by what became of them.", f"# TYPE {full} counter"]
    lines += [f'{full}{{outcome="{name}"}} {number}' for name, number in sorted(receiver.counts.items())]
    return "\n".join([*lines, ""])
