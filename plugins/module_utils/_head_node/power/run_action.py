# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of bcm_power and bcm_bmc_info: guards, the path to the BMCs, and a module's result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Union

from ..._bmc.ipmi import Ipmi
from ..._bmc.ipmi_power import IpmiPower
from ..._bmc.power import ACTIONS, UEFI, Failure, FindOccupied, PowerResult, Progress, plan_power
from ..._bmc.schedule import Limits
from ..._bmc.session import PYGHMI_IMPORT_ERROR, Bmc
from ..._bmc.straight_power import StraightPower
from ..._redfish.claim import exclusive
from ..._redfish.connection import BmcLogin
from ..._redfish.errors import RedfishConfigError
from ..._redfish.fleet import Batch
from ..._redfish.power import BOOT_TARGETS, RedfishPower
from ..._redfish.register import Register
from ..._values.clock import SystemClock
from ..._values.names import count, shorten
from ..._values.owner import Owner
from ..api.client import HeadNode
from ..api.errors import BcmConfigError
from ..api.events import open_session
from ..changes.guards import select_nodes
from ..changes.read import read_devices, read_references, read_statuses
from ..entities.device import bmc_ip, bmc_settings
from ..entities.fields import Raw
from ..entities.phases import Status
from ..entities.references import References
from .channel import targets_of
from .leave import find_occupied, require_leave
from .operations import HeadNodePower
from .restart import ask_to_shut_down

# The names that other tools have for the same actions are accepted too.
ACTION_WORDS = [*ACTIONS, *(f"power_{action}" for action in ACTIONS if action != "status")]
_PYGHMI = "pyghmi>=1.6.0,<1.7"  # as in requirements.txt
# What goes straight to BMCs, whichever way.
STRAIGHT = ("ipmi", "redfish")
_HTTPS = 443
_VERBS = {"off": "switch off", "cycle": "cycle", "reset": "reset"}


@dataclass(frozen=True)
class RedfishWay:
    """How BMCs are reached by Redfish; the account is for those whose own BCM does not know."""

    port: int = 443
    ca_path: str | None = None
    validate_certs: bool = True
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    lock_path: str = ""  # where runs that change BMCs keep out of each other's way; "" for nowhere
    register: Register | None = None  # where runs on other computers do


def redfish_way_of(params: Mapping[str, Any], register: Register | None = None) -> RedfishWay:
    """Return the way from a task's options."""
    return RedfishWay(
        port=params["redfish_port"],
        ca_path=params["redfish_ca_path"],
        validate_certs=params["redfish_validate_certs"],
        username=params["redfish_username"],
        password=params["redfish_password"],
        lock_path=params.get("redfish_lock_path") or "",
        register=register,
    )


@dataclass(frozen=True)
class PowerJob:
    """An action, the nodes it is for, and how it is sent.

    `via` is head_node, or one of STRAIGHT. `overrides` replace, by host name, what BCM stores about a BMC: address,
    port, username, password, and with redfish tls_fingerprint and system. `boot_device` and `overrides` need one of
    STRAIGHT; `boot_mode` and `limits` count there alone; `ipmi_port` and `redfish` are for one of them.
    """

    names: Sequence[str]
    action: str
    via: str = "head_node"
    allow_up: bool = False
    graceful_s: float = 0.0  # how long a node may take to shut down before its power is cut; 0 cuts it at once
    allow_claimed: bool = False
    owner: Owner = field(default_factory=lambda: Owner(run=""))  # whose claims are no obstacle
    timeout_s: float = 60.0
    boot_device: str = ""
    boot_mode: str = UEFI
    max_nodes: int | None = None
    limits: Limits = field(default_factory=Limits)
    ipmi_port: int = 623
    redfish: RedfishWay = field(default_factory=RedfishWay)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_AnyBmc = Union[Bmc, BmcLogin]
_Straight = Union[IpmiPower, RedfishPower]
_Path = Union[HeadNodePower, IpmiPower, RedfishPower]


def run_power_action(
    head_node: HeadNode, job: PowerJob, *, check_mode: bool, say: Callable[[str], None] = lambda _line: None
) -> dict[str, Any]:
    """Perform one action on a set of nodes; returns a module's result, with `nodes` by host name.

    A node that fails has `failure` and `error` there. `say` prints what goes on.
    Raises BcmConfigError, before any power is changed, for an empty list, head nodes, UP nodes without `allow_up`, more
    nodes to act on than `max_nodes`, and options that do not fit the path; Occupied for nodes that others are at work
    on, without `allow_claimed`; other BcmErrors as the calls do. Calling again is safe for on, off and status; cycle
    and reset act each time.
    """
    selection = select_nodes(read_devices(head_node), job.names)
    devices = dict(selection.devices)
    _require_leave(head_node, job, list(devices))
    if job.action in _VERBS and not job.allow_up:
        statuses = read_statuses(head_node, devices)
        _refuse_up(job.action, [name for name in devices if name not in statuses or statuses[name].status == Status.UP])
    references = read_references(head_node)
    results = {name: _not_known("BCM knows no such node; provision.yml registers it") for name in selection.missing}
    with ExitStack() as stack:
        stack.enter_context(_as_bcm_errors())
        bmcs = _known_bmcs(devices, references, job, results) if job.via in STRAIGHT else {}
        path = _open_path(head_node, job, devices, bmcs, references, stack.enter_context, say, check_mode=check_mode)
        if not check_mode and job.action != "status":
            path, refused = stack.enter_context(_kept_apart(path, job))
            results.update(refused)
        names = [name for name in devices if name not in results]
        is_counted = job.max_nodes is not None and len(names) > job.max_nodes
        if isinstance(path, StraightPower) and not check_mode and job.action != "status" and not is_counted:
            # Each BMC's state is read and acted on in one session, so that a slow one never delays the others.
            results.update(_run_straight(path, job, dict.fromkeys(names, job.action), {}))
            return _result(_plans(job.action, results), results, check_mode)
        results.update(path.states(names))
        plans = _plans(job.action, results)
        todo = {name: plan for name, plan in plans.items() if plan != "none" and results[name].failure is None}
        _refuse_too_many(job, list(todo))
        if todo and not check_mode:
            # Reading the power may have taken a minute.
            _require_leave(head_node, job, list(todo))
            if isinstance(path, StraightPower):
                results.update(_run_straight(path, job, todo, results))
            else:
                leaving = _ask_to_leave(path, job, {name: devices[name] for name in todo}, results)
                path.begin({name: plan for name, plan in todo.items() if name not in leaving}, results)
                results.update(path.finish(list(todo)))
    return _result(plans, results, check_mode)


def _run_straight(
    path: _Straight, job: PowerJob, plans: Mapping[str, str], results: Mapping[str, PowerResult]
) -> dict[str, PowerResult]:
    """Carry out plans straight by the BMCs; a node that is switched off is asked to shut down first."""
    if job.action == "off" and job.graceful_s:
        return path.shut_down(list(plans), job.graceful_s)
    return path.run(plans, results)


def _ask_to_leave(
    path: HeadNodePower, job: PowerJob, devices: Mapping[str, Raw], results: Mapping[str, PowerResult]
) -> list[str]:
    """Ask nodes that are UP to shut down, where the job is to switch off gracefully; return those that agreed.

    The others have nothing that could: their power is cut at once.
    """
    if job.action != "off" or not job.graceful_s:
        return []
    statuses = read_statuses(path.head_node, devices)
    up = {name: raw for name, raw in devices.items() if name in statuses and statuses[name].status == Status.UP}
    if not up:
        return []
    reply = ask_to_shut_down(path.head_node, up, job.graceful_s)
    if reply.error:
        path.say(reply.error)
    if reply.unwilling:
        path.say(f"Did not agree to shut down, power is cut at once: {shorten(reply.unwilling)}")
    # An error may be a lost answer, so that they are waited for all the same.
    leaving = list(up) if reply.error else list(reply.agreed)
    if leaving:
        path.say(f"Asked to shut down, power is cut after {job.graceful_s:g} s: {shorten(leaving)}")
    path.watch_shutdown({name: results[name] for name in leaving}, job.graceful_s)
    return leaving


def _require_leave(head_node: HeadNode, job: PowerJob, names: Sequence[str]) -> None:
    if not job.allow_claimed:
        require_leave(head_node, job.action, names, job.owner, SystemClock())


def _plans(action: str, results: Mapping[str, PowerResult]) -> dict[str, str]:
    """Return what is to be sent to each node; "none" where its state could not even be read."""
    return {
        name: "none" if result.before == "UNKNOWN" else plan_power(action, result.before)
        for name, result in results.items()
    }


def _refuse_too_many(job: PowerJob, names: Sequence[str]) -> None:
    if job.max_nodes is not None and job.action != "status" and len(names) > job.max_nodes:
        raise BcmConfigError(
            f"{count(len(names), 'node')} would be powered, more than max_nodes {job.max_nodes}; nothing was sent"
        )


def _not_known(message: str) -> PowerResult:
    return PowerResult(failure=Failure.NOT_KNOWN, message=message, tries=0)


@contextmanager
def _as_bcm_errors() -> Iterator[None]:
    """Raise options for Redfish that do not fit together as those of the head node are."""
    try:
        yield
    except RedfishConfigError as error:
        raise BcmConfigError(str(error)) from error


@contextmanager
def _kept_apart(path: _Path, job: PowerJob) -> Iterator[tuple[_Path, dict[str, PowerResult]]]:
    """Keep runs that harden or update these servers away meanwhile.

    Gives the path to go on with, and the failures of those in their hands: power that goes in the middle of an update
    of firmware may leave a server without any.
    """
    if not (isinstance(path, RedfishPower) and path.bmcs and job.redfish.lock_path):
        yield path, {}
        return
    batch = replace(path.engine, register=job.redfish.register)
    with exclusive(job.redfish.lock_path, path.bmcs, batch, path.clock) as (batch, refused):
        failures = {
            name: PowerResult(failure=Failure.REFUSED, message=why, address=path.bmcs[name].address, tries=0)
            for name, why in refused.items()
        }
        yield replace(path, engine=batch), failures


def _known_bmcs(
    devices: Mapping[str, Raw], references: References, job: PowerJob, results: dict[str, PowerResult]
) -> dict[str, _AnyBmc]:
    """Return the BMCs to connect to; a node whose BMC is not known fails alone, in `results`."""
    found: dict[str, _AnyBmc] = {}
    for name, raw in devices.items():
        try:
            bmc = bmc_of(name, raw, references, job)
            found[name] = _login_of(name, bmc, job) if job.via == "redfish" else bmc
        except BcmConfigError as error:
            results[name] = _not_known(str(error))
    return found


def _open_path(
    head_node: HeadNode,
    job: PowerJob,
    devices: Mapping[str, Raw],
    bmcs: Mapping[str, _AnyBmc],
    references: References,
    enter: Callable[[Any], Any],
    say: Callable[[str], None],
    *,
    check_mode: bool,
) -> HeadNodePower | _Straight:
    finder = _occupied_finder(head_node, job)
    if job.via in STRAIGHT:
        return replace(_open_straight(bmcs, job, read_only=check_mode), say=say, find_occupied=finder)
    if job.boot_device or job.overrides:
        raise BcmConfigError("boot_device and bmcs need via: ipmi or redfish; the head node uses what BCM stores")
    targets = targets_of(devices, references)
    session = enter(open_session(head_node))
    return HeadNodePower(head_node, session, SystemClock(), targets, job.timeout_s, say=say, find_occupied=finder)


def _occupied_finder(head_node: HeadNode, job: PowerJob) -> FindOccupied:
    if job.allow_claimed:
        return lambda _names: {}
    return lambda names: find_occupied(head_node, job.action, names, job.owner, SystemClock())


def inspect_bmcs(head_node: HeadNode, job: PowerJob) -> dict[str, Any]:
    """Read reachability, credentials, power, firmware and boot device of each BMC; returns them by host name.

    A BMC that fails has `failure` and `error`. Raises BcmConfigError for an empty list and head nodes, and BcmError as
    the calls do. Nothing is changed, so calling again is safe; refused logins may lock an account.
    """
    selection = select_nodes(read_devices(head_node), job.names)
    references = read_references(head_node)
    lacking = {name: _not_known("BCM knows no such node") for name in selection.missing}
    bmcs = _known_bmcs(selection.devices, references, job, lacking)
    with _as_bcm_errors():
        details = _open_straight(bmcs, job, read_only=True).details() if bmcs else {}
    details.update({name: (result, Progress()) for name, result in lacking.items()})
    return {name: _show_details(*details[name]) for name in dict.fromkeys(job.names)}


def _open_straight(bmcs: Mapping[str, Any], job: PowerJob, *, read_only: bool) -> _Straight:
    clock = SystemClock()
    if job.via == "redfish":
        if job.boot_device and job.boot_device not in BOOT_TARGETS:
            raise BcmConfigError(f"boot_device {job.boot_device} is not known to Redfish")
        batch = Batch(
            deadline_s=job.limits.deadline_s,
            in_flight=job.limits.in_flight,
            tries=job.limits.tries,
            retry_delay_s=job.limits.retry_delay_s,
            read_only=read_only,
        )
        systems = {name: str(given["system"]) for name, given in job.overrides.items() if given.get("system")}
        return RedfishPower(
            bmcs,
            batch,
            job.timeout_s,
            boot_device=job.boot_device,
            boot_mode=job.boot_mode,
            clock=clock,
            systems=systems,
        )
    alien = [name for name, given in job.overrides.items() if given.get("system") or given.get("tls_fingerprint")]
    if alien:
        raise BcmConfigError(f"system and tls_fingerprint of bmcs need via: redfish: {shorten(alien)}")
    if PYGHMI_IMPORT_ERROR is not None:
        raise BcmConfigError(
            "the Python package pyghmi is missing where this task runs: pip install 'pyghmi>=1.6.0,<1.7'"
        )
    return IpmiPower(
        bmcs, Ipmi(job.limits), job.timeout_s, boot_device=job.boot_device, boot_mode=job.boot_mode, clock=clock
    )


def _show_details(result: PowerResult, progress: Progress) -> dict[str, Any]:
    asked = result.failure not in (Failure.NOT_TRIED, Failure.NOT_KNOWN)
    answered = asked and result.failure is not Failure.UNREACHABLE
    return {
        "address": result.address,
        "reachable": answered if asked else None,
        "credentials_good": _are_credentials_good(result) if answered else None,
        "power": result.after,
        "firmware": progress.firmware,
        "boot_device": progress.boot_device,
        "failure": result.failure.value if result.failure else None,
        "error": result.error,
        "tries": result.tries,
        "seconds": result.seconds,
    }


def _are_credentials_good(result: PowerResult) -> bool | None:
    return None if result.failure is Failure.TIMED_OUT else result.failure is not Failure.CREDENTIALS


def bmc_of(name: str, device: Raw, references: References, job: PowerJob) -> Bmc:
    """Return the BMC of a node: what BCM stores about it, with the caller's overrides.

    Raises BcmConfigError where its address, username or password is missing.
    """
    settings = bmc_settings(device, references) or {}
    override = {key: value for key, value in job.overrides.get(name, {}).items() if value is not None}
    address = override.get("address") or bmc_ip(device)
    other = job.redfish if job.via == "redfish" else RedfishWay()
    username = override.get("username") or settings.get("userName") or other.username
    password = override.get("password") or settings.get("password") or other.password
    known = {"address": address, "username": username, "password": password}
    missing = [word for word, value in known.items() if not value]
    if missing:
        raise BcmConfigError(f"no {' and no '.join(missing)} of the BMC of {name} is known, neither in BCM nor in bmcs")
    return Bmc(
        address=str(address),
        username=str(username),
        password=str(password),
        port=int(override.get("port") or (job.redfish.port if job.via == "redfish" else job.ipmi_port)),
        privilege=str(settings.get("privilege") or "ADMINISTRATOR"),
    )


def _login_of(name: str, bmc: Bmc, job: PowerJob) -> BmcLogin:
    """Return how to log in to the same BMC by Redfish. Raises BcmConfigError."""
    address = bmc.address
    if "://" not in address and bmc.port != _HTTPS:
        address = f"[{address}]:{bmc.port}" if address.count(":") > 1 else f"{address}:{bmc.port}"
    try:
        return BmcLogin(
            name,
            address,
            bmc.username,
            bmc.password,
            ca_path=job.redfish.ca_path,
            validate_certs=job.redfish.validate_certs,
            fingerprint=job.overrides.get(name, {}).get("tls_fingerprint"),
            timeout_s=job.limits.connect_s,
        )
    except RedfishConfigError as error:
        raise BcmConfigError(str(error)) from error


def _refuse_up(action: str, up: Sequence[str]) -> None:
    if up:
        raise BcmConfigError(
            f"could not {_VERBS[action]} nodes that are UP: {shorten(up)}; nothing was sent; allow_up: true allows it"
        )


def _result(plans: Mapping[str, str], results: Mapping[str, PowerResult], check_mode: bool) -> dict[str, Any]:
    nodes = {name: _show(result, plans[name], check_mode) for name, result in results.items()}
    diff = [
        {
            "before_header": f"power {name}",
            "after_header": f"power {name} ({node['action']})",
            "before": {"power": node["before"]},
            "after": {"power": "OFF" if node["action"] == "off" else "ON"},
        }
        for name, node in nodes.items()
        if node["changed"]
    ]
    return {"changed": bool(diff), "nodes": nodes, "diff": diff}


def _show(result: PowerResult, plan: str, check_mode: bool) -> dict[str, Any]:
    return {
        "before": result.before,
        "action": plan,
        "after": result.after,
        "off_by": result.off_by or None,
        "changed": plan != "none" if check_mode else bool(result.sent),
        "seconds": result.seconds,
        "tries": result.tries,
        "failure": result.failure.value if result.failure else None,
        "address": result.address,
        "error": result.error,
    }
