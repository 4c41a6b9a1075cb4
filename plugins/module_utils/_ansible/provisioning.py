# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What bcm_provision takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._head_node.case import Job, NodeResult, result_to_ansible
from .._head_node.drive import Pace
from .._head_node.errors import BcmConfigError
from .._head_node.provision import Request
from .._head_node.record import Assignment
from .._head_node.watch import Deadlines
from .arguments import PARALLEL, Spec

PROVISION: Spec = {
    "decide_only": {"type": "bool", "default": False},
    "enable_power_action": {"type": "bool", "default": False},
    "power_action": {"type": "str", "choices": ["power_on", "power_cycle"], "default": "power_on"},
    "reprovision_token": {"type": "str"},
    "next_boot_install_mode": {"type": "str", "choices": ["AUTO", "FULL"]},
    "adopt": {"type": "bool", "default": False},
    "max_nodes": {"type": "int"},
    "reassigned": {"type": "list", "elements": "str", "default": []},
    "assignments": {"type": "dict", "default": {}},
    "boot_timeout": {"type": "float", "default": 1200.0},
    "queue_timeout": {"type": "float", "default": 14400.0},
    "install_timeout": {"type": "float", "default": 1800.0},
    "init_timeout": {"type": "float", "default": 600.0},
    "settle_time": {"type": "float", "default": 120.0},
    "power_timeout": {"type": "float", "default": 60.0},
    "poll_interval": {"type": "float", "default": 10.0},
    **PARALLEL,
    "fail_on_error": {"type": "bool", "default": True},
}


def job_of(params: Mapping[str, Any]) -> Job:
    """The job behind the options; raises BcmConfigError where `assignments` is not what bcm_devices returned."""
    request = Request(
        enable_power_action=params["enable_power_action"],
        power_action=params["power_action"],
        token=params["reprovision_token"] or "",
        next_boot_install_mode=params["next_boot_install_mode"] or "",
        adopt=params["adopt"],
        max_nodes=params["max_nodes"],
    )
    try:
        assignments = {name: Assignment(**values) for name, values in params["assignments"].items()}
    except TypeError as error:
        raise BcmConfigError("assignments must be what bcm_devices returned") from error
    return Job(params["names"], request, params["reassigned"], assignments)


def pace_of(params: Mapping[str, Any]) -> Pace:
    return Pace(
        deadlines=Deadlines(
            boot_s=params["boot_timeout"],
            queue_s=params["queue_timeout"],
            install_s=params["install_timeout"],
            init_s=params["init_timeout"],
            settle_s=params["settle_time"],
        ),
        poll_interval_s=params["poll_interval"],
        power_timeout_s=params["power_timeout"],
        workers=params["parallel_calls"],
        bulk=params["bulk_calls"],
    )


def result_of(results: Mapping[str, NodeResult], *, fail_on_error: bool) -> dict[str, Any]:
    """The module's result, keyed by host name; failed where a node failed and the caller wants that."""
    failures = {name: result.message for name, result in results.items() if result.failed}
    shown = {
        "changed": any(result.changed for result in results.values()),
        "nodes": {name: result_to_ansible(result) for name, result in results.items()},
        "failures": failures,
        "diff": [_diff(result) for result in results.values() if result.changed],
    }
    if failures and fail_on_error:
        listed = "; ".join(f"{name}: {message}" for name, message in failures.items())
        return {**shown, "failed": True, "msg": f"{len(failures)} of {len(results)} nodes failed: {listed}"}
    return shown


def _diff(result: NodeResult) -> dict[str, Any]:
    header = f"provisioning {result.name}"
    return {
        "before_header": header,
        "after_header": f"{header} ({result.decision.action.value})",
        "before": {"status": result.status_before, "image": result.image_before},
        "after": {"status": "UP", "image": result.image},
    }
