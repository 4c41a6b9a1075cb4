# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of redfish_firmware: read all, plan, check the images, update, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .._https.tls import Tls
from .._values.clock import Clock
from .audit import Identity, identify
from .claim import exclusive
from .errors import Failure, RedfishApiError, RedfishConfigError, RedfishError
from .firmware import FirmwarePlan, Image, image_of, images_for, plan_firmware
from .firmware_update import Firmware, Mark, Times, Updated, Updating
from .fleet import Batch, End, talk_to_all
from .harden import Reboots
from .harden_servers import SERVERS_WITH_STATE
from .images import CheckedImage, check_images
from .options import Result, Spec, ended, failures_of, logins_of
from .plan import reboot_refusal
from .reader import Reader
from .session import Redfish

_STRINGS: Spec = {"type": "list", "elements": "str", "default": []}
_IMAGE: Spec = {
    "component": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "file": {"type": "path"},
    "url": {"type": "str"},
    "sha256": {"type": "str", "required": True},
    "device_types": _STRINGS,
    "targets": _STRINGS,
}
FIRMWARE: Spec = {
    **SERVERS_WITH_STATE,
    "firmware": {"type": "list", "elements": "dict", "required": True, "options": _IMAGE},
    "allow_downgrade": {"type": "bool", "default": False},
    "deadline": {"type": "float", "default": 7200.0},
    "allow_reboot": {"type": "bool", "default": False},
    "max_rebooting": {"type": "int", "default": 8},
    "max_failures": {"type": "int"},
    "update_timeout": {"type": "float", "default": 3600.0},
    "reboot_timeout": {"type": "float", "default": 1800.0},
    "lock_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/locks"},
}


@dataclass(frozen=True)
class _Preview:
    """What one server is, which versions it has, and what is to be updated."""

    identity: Identity
    versions: Mapping[str, str]
    plan: FirmwarePlan


@dataclass
class _Job:
    """One task: options, batch, and what is known of each server so far."""

    params: Mapping[str, Any]
    batch: Batch
    clock: Clock
    images: Mapping[str, list[Image]] = field(init=False)
    updated: dict[str, Updated] = field(default_factory=dict)
    problems: dict[str, RedfishError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.logins = logins_of(self.params)
        self.given = {server["name"]: server for server in self.params["servers"]}
        for option in ("max_rebooting", "reboot_timeout", "update_timeout"):
            if self.params[option] <= 0:
                raise RedfishConfigError(f"{option} must be above 0")
        self.marks = Path(self.params["lock_path"]).expanduser()
        self.reboots = Reboots(self.params["max_rebooting"], self.params["max_failures"])
        if not self.params["firmware"]:
            raise RedfishConfigError("firmware is empty: nothing would be updated")
        images = [image_of(each) for each in self.params["firmware"]]
        self.images = {name: images_for(images, each["device_type"] or "") for name, each in self.given.items()}

    def preview(self, name: str, redfish: Redfish) -> _Preview:
        """Read one server and plan. Raises RedfishError where nothing may be sent to it."""
        given, images = self.given[name], self.images[name]
        reader = Reader(redfish, given["serial"] or "")
        seen = identify(reader)
        if given["serial"] and seen.serial != given["serial"]:
            raise RedfishApiError(f"its serial number is {seen.serial}, not {given['serial']}: this is another server")
        firmware = Firmware(redfish, reader)
        versions = firmware.versions([each.component for each in images])
        refusal = reboot_refusal(allow_reboot=self.params["allow_reboot"], state=given["state"] or "")
        redfish.phase = "preflight"
        planned = plan_firmware(
            images, versions, allow_downgrade=self.params["allow_downgrade"], reboot_refused=refusal
        )
        for update in planned.updates:
            firmware.check_way(update.image)
        if planned.updates:
            self._updating(name, redfish, firmware).refuse_foreign(reader, planned.updates)
        return _Preview(seen, versions, planned)

    def apply(self, name: str, redfish: Redfish, plan: FirmwarePlan, checked: Mapping[Image, CheckedImage]) -> _Preview:
        """Update one server; what follows one that failed is not begun."""
        reader = Reader(redfish, self.given[name]["serial"] or "")
        updating = self._updating(name, redfish, Firmware(redfish, reader))
        try:
            redfish.phase = "update"
            for update in plan.updates:
                updating.update(update, checked[update.image])
        except RedfishError as error:
            self.reboots.note_failure(name)
            self.problems[name] = error
            raise
        reader = Reader(redfish, self.given[name]["serial"] or "")
        components = [each.component for each in self.images[name]]
        return _Preview(identify(reader), Firmware(redfish, reader).versions(components), plan)

    def _updating(self, name: str, redfish: Redfish, firmware: Firmware) -> Updating:
        updated = self.updated.setdefault(name, Updated())
        times = Times(self.params["update_timeout"], self.params["reboot_timeout"])
        return Updating(redfish, firmware, self.reboots, updated=updated, times=times, marks=self.marks)


def update_firmware(params: Mapping[str, Any], batch: Batch, clock: Clock) -> Result:
    """Update servers, or in a batch that only reads, plan to; the result is what redfish_firmware documents.

    Raises RedfishConfigError before anything was sent, also where an image is not the one that was named.
    """
    job = _Job(params, batch, clock)
    with exclusive(params["lock_path"], job.logins, batch, clock) as (batch, refused):
        job.batch = batch
        free = {name: login for name, login in job.logins.items() if name not in refused}
        before = talk_to_all(free, job.preview, replace(batch, read_only=True), clock)
        claims = {
            name: End[_Preview](failure=Failure.REFUSED, message=why, phase="claim") for name, why in refused.items()
        }
        before.update(claims)
        plans = {name: end.value.plan for name, end in before.items() if end.value is not None}
        work = {name: plan for name, plan in plans.items() if plan.updates}
        tls = Tls(ca_path=params["ca_path"], validate=params["validate_certs"])
        needed = [update.image for plan in work.values() for update in plan.updates]
        checked = check_images(needed, tls)
        after: dict[str, End[_Preview]] = {}
        if not batch.read_only:
            for name in plans.keys() - work.keys():
                # What a run that was killed had sent has come true meanwhile.
                Mark.of(job.marks, job.logins[name]).remove()
        if work and not batch.read_only:
            logins = {name: job.logins[name] for name in work}
            after = talk_to_all(
                logins, lambda name, redfish: job.apply(name, redfish, work[name], checked), batch, clock
            )
    return _result(job, before, after)


def _result(job: _Job, before: Mapping[str, End[_Preview]], after: Mapping[str, End[_Preview]]) -> Result:
    ends = {name: after.get(name, before[name]) for name in job.logins}
    plans = {name: end.value.plan for name, end in before.items() if end.value is not None}
    told = {name: [each.to_ansible() for each in plan.updates] for name, plan in plans.items() if plan.updates}
    changed = bool(told) if job.batch.read_only else any(each.sent or each.rebooted for each in job.updated.values())
    return {
        "changed": changed,
        "diff": _diff(told),
        "servers": {name: _server(job, name, before[name], after.get(name)) for name in job.logins},
        "failures": failures_of(ends),
    }


def _server(job: _Job, name: str, before: End[_Preview], after: End[_Preview] | None) -> Result:
    seen = before.value
    end = before if after is None else replace(
        after, requests=before.requests + after.requests, seconds=round(before.seconds + after.seconds, 1)
    )  # fmt: skip
    latest = end.value or seen
    updated = job.updated.get(name, Updated())
    versions = dict(latest.versions) if latest else {}
    versions.update({update.image.component: version for update, version in updated.done})
    unmet = [each.component for each in job.images[name] if not each.wanted.is_met_by(versions.get(each.component, ""))]
    return {
        **ended(job.logins[name], end),
        **asdict(latest.identity if latest else Identity()),
        "versions": versions,
        "plan": [each.to_ansible() for each in seen.plan.updates] if seen else [],
        "left": dict(seen.plan.left) if seen else {},
        "updated": [
            {"component": update.image.component, "before": update.before, "after": version}
            for update, version in updated.done
        ],
        "sent": updated.sent,
        "rebooted": updated.rebooted,
        "unmet": unmet,
    }


def _diff(told: Mapping[str, list[Result]]) -> Any:
    if not told:
        return []
    return {
        side: {name: {each["component"]: each[key] for each in updates} for name, updates in told.items()}
        for side, key in (("before", "before"), ("after", "wanted"))
    }
