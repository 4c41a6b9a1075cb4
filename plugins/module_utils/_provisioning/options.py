# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The options and the result of bcm_provision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._head_node.api.bulk import BulkCalls
from .._head_node.api.errors import BcmConfigError
from .._head_node.changes.options import PARALLEL, Spec
from .._head_node.entities.phases import Status
from .._head_node.entities.record import Assignment
from .._values.names import count
from .._values.sentences import sentences
from .admission import Admission, FailureLimit
from .deadlines import Deadlines
from .decide import Action, Planned, Request
from .node_run import Job, NodeResult
from .rollout import Pace
from .run import Run
from .run_figures import RunFigures

PROVISION: Spec = {
    "decide_only": {"type": "bool", "default": False},
    "enable_power_action": {"type": "bool", "default": False},
    "power_action": {"type": "str", "choices": ["power_on", "power_cycle"], "default": "power_on"},
    "reprovision_token": {"type": "str"},
    "next_boot_install_mode": {"type": "str", "choices": ["AUTO", "FULL"]},
    "adopt": {"type": "bool", "default": False},
    "max_nodes": {"type": "int"},
    "admission": {"type": "str", "default": "all"},
    "max_failures": {"type": "str"},
    "failed_before": {"type": "int", "default": 0},
    "restart": {"type": "str", "choices": ["graceful", "hard"], "default": "graceful"},
    "graceful_timeout": {"type": "float", "default": 300.0},
    "include_closed": {"type": "bool", "default": False},
    "power_stagger": {"type": "float", "default": 0.0},
    "owner": {"type": "str"},
    "claim_time": {"type": "float", "default": 300.0},
    "reassigned": {"type": "list", "elements": "str", "default": []},
    "assignments": {"type": "dict", "default": {}},
    "planned": {"type": "dict"},
    "boot_timeout": {"type": "float", "default": 1200.0},
    "install_timeout": {"type": "float", "default": 1800.0},
    "init_timeout": {"type": "float", "default": 600.0},
    "run_timeout": {"type": "float"},
    "settle_time": {"type": "float", "default": 120.0},
    "power_timeout": {"type": "float", "default": 60.0},
    "poll_interval": {"type": "float", "default": 10.0},
    **PARALLEL,
    "fail_on_error": {"type": "bool", "default": True},
}


def job_of(params: Mapping[str, Any]) -> Job:
    """Return the job of the options; raises BcmConfigError where what other modules returned is not that."""
    assignments, planned = assignments_of(params["assignments"]), planned_of(params["planned"])
    return Job(params["names"], request_of(params), params["reassigned"], assignments, planned)


def request_of(params: Mapping[str, Any]) -> Request:
    """Return the request of the options."""
    return Request(
        enable_power_action=params["enable_power_action"],
        power_action=params["power_action"],
        token=params["reprovision_token"] or "",
        next_boot_install_mode=params["next_boot_install_mode"] or "",
        adopt=params["adopt"],
        max_nodes=params["max_nodes"],
        include_closed=params["include_closed"],
    )


def assignments_of(returned: Mapping[str, Any]) -> dict[str, Assignment]:
    """Return assignments by host name; raises BcmConfigError for anything but what bcm_devices returned."""
    try:
        return {name: Assignment(**values) for name, values in returned.items()}
    except TypeError as error:
        raise BcmConfigError("assignments must be what bcm_devices returned") from error


def planned_of(returned: Mapping[str, Any] | None) -> dict[str, Planned] | None:
    if returned is None:
        return None
    try:
        planned = {name: Planned(**values) for name, values in returned.items()}
        for node in planned.values():
            Action(node.action)
    except (TypeError, ValueError) as error:
        raise BcmConfigError("planned must be what bcm_plan returned") from error
    return planned


def pace_of(params: Mapping[str, Any]) -> Pace:
    """Return the pace of the options; raises BcmConfigError, which names the option, for values that are not valid."""
    for option in ("boot_timeout", "install_timeout", "init_timeout", "power_timeout", "poll_interval", "claim_time"):
        if params[option] <= 0:
            raise BcmConfigError(f"{option} must be more than 0 seconds, not {params[option]:g}")
    for option in ("graceful_timeout", "settle_time", "power_stagger", "failed_before"):
        if params[option] < 0:
            raise BcmConfigError(f"{option} must not be negative, as {params[option]:g} is")
    if params["run_timeout"] is not None and params["run_timeout"] <= 0:
        raise BcmConfigError(f"run_timeout must be more than 0 seconds, not {params['run_timeout']:g}")
    return Pace(
        deadlines=Deadlines(
            boot_s=params["boot_timeout"],
            install_s=params["install_timeout"],
            init_s=params["init_timeout"],
            graceful_s=params["graceful_timeout"],
            settle_s=params["settle_time"],
        ),
        run_s=params["run_timeout"],
        poll_interval_s=params["poll_interval"],
        power_timeout_s=params["power_timeout"],
        stagger_s=params["power_stagger"],
        claim_s=params["claim_time"],
        workers=params["parallel_calls"],
        bulk=BulkCalls(params["bulk_calls"]),
        graceful=params["restart"] == "graceful",
        admission=Admission.parse(params["admission"]),
        failure_limit=FailureLimit.parse(params["max_failures"] or "", len(params["names"])),
        failed_before=params["failed_before"],
    )


def result_of(run: Run, pace: Pace, *, fail_on_error: bool) -> dict[str, Any]:
    """Return the module's result, `nodes` and `failures` by host name; with `fail_on_error` a failed node fails it."""
    failures = {name: result.message for name, result in run.results.items() if result.failed}
    shown = {
        "changed": any(result.changed for result in run.results.values()),
        "nodes": {name: result.to_ansible() for name, result in run.results.items()},
        "failures": failures,
        "run": _figures_of(run, pace).to_ansible() if run.acting else {},
        "diff": [_diff(result) for result in run.results.values() if result.changed],
    }
    if failures and fail_on_error:
        failed = f"{len(failures):,} of {count(len(run.results), 'node')} failed"
        return {**shown, "failed": True, "msg": f"{failed}: {'; '.join(sentences(failures))}"}
    return shown


def _figures_of(run: Run, pace: Pace) -> RunFigures:
    pipeline = run.pipeline
    return RunFigures(
        nodes=run.acting,
        admission=str(run.admission),
        max_failures=pace.failure_limit.most,
        slots=pipeline.slots if pipeline else None,
        provisioning_nodes=pipeline.provisioning_nodes if pipeline else None,
        durations=pipeline.durations if pipeline else None,
        source=pipeline.source if pipeline else "",
        bound_s=run.bound_s,
        achieved_s=run.achieved_s,
        efficiency=run.efficiency,
    )


def _diff(result: NodeResult) -> dict[str, Any]:
    header = f"provisioning {result.name}"
    return {
        "before_header": header,
        "after_header": f"{header} ({result.decision.action.value})",
        "before": {"status": result.status_before, "image": result.image_before},
        "after": {"status": Status.UP.value, "image": result.image},
    }
