# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""05-report: what the steps found, judged, in the log."""

from __future__ import annotations

import time

from ..judging import judge_run
from ..messages import COMPLETED, Measurement, StepResult
from ..ocp import ocp_lines
from .context import Context, say


def take(context: Context) -> StepResult:
    """Judge the steps before this one, as the receiver will, which knows more: NetBox, and the server's siblings."""
    results = context.results()
    expected = [policy.name for policy in context.profile.steps if policy.name < context.policy.name]
    verdict = judge_run(context.profile, results, writable_disks=context.task.writable_disks)
    before = [step for step in verdict.steps if step.step in expected]
    for step in before:
        say(f"{step.step}: {step.verdict}")
        for reason in step.reasons:
            say(f"  {reason}")
    inventory = results["01-init"].inventory if "01-init" in results else None
    system = (inventory or {}).get("system", {})
    machine = str(system.get("serial", "")) if isinstance(system, dict) else ""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    run = context.task.run
    for line in ocp_lines(verdict, context.profile, run=run, machine=machine or run, version="1.0", when=when):
        say(line)
    reported = len([name for name in expected if name in results])
    return StepResult(COMPLETED, work=reported, measurements=(Measurement("steps_reported", reported),))
