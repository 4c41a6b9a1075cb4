# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The record of a node, kept on the device itself in `extra_values`: what it was installed with, and what is intended.

There is no state file. Keys are flat, lower case, prefixed; those of others in the same object stay untouched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..._values.text import cut
from .device import effective_proxy
from .fields import Json
from .phases import Status
from .references import References

_INTENT_DIGEST = "baremetal_intent_digest"
_INTENT_KERNEL = "baremetal_intent_kernel"
_INTENT_TIME = "baremetal_intent_time"
_INTENT_POWER_MS = "baremetal_intent_power_ms"
_INTENT_FAILED = "baremetal_intent_failed"
_FAILED = "baremetal_failed"
_REASSIGNED = "baremetal_reassigned"
_DIGEST = "baremetal_provisioned_digest"
_TIME = "baremetal_provisioned_time"
_IMAGE = "baremetal_provisioned_image"
_DISKSETUP = "baremetal_provisioned_disksetup"
_KERNEL = "baremetal_provisioned_kernel"
_TOKEN = "baremetal_provisioned_token"
_TIMELINE = "baremetal_timeline"

# The message of a failure is for people; what BCM is given to keep stays short.
_LONGEST_MESSAGE = 300
# Of a time in milliseconds, and more; Python refuses to read thousands of them.
_MOST_DIGITS = 20

_NO_INTENT: dict[str, Json] = dict.fromkeys(
    (_INTENT_DIGEST, _INTENT_KERNEL, _INTENT_TIME, _INTENT_POWER_MS, _INTENT_FAILED, _FAILED)
)


@dataclass(frozen=True)
class Assignment:
    """What a node is to be installed with: effective image, disk setup, and a free token whose change forces it.

    `kernel` stands beside them: other kernel parameters need a restart, not an installation.
    """

    image_uuid: str
    image_name: str
    revision: int
    disksetup: str  # digest of the effective XML
    token: str = ""
    kernel: str = ""  # digest of the effective kernel parameters

    @property
    def digest(self) -> str:
        """Return one short word for all of it; the image's name does not count, because it can be changed."""
        parts = [self.image_uuid, self.revision, self.disksetup, self.token]
        return _digest(json.dumps(parts))

    @property
    def image(self) -> str:
        """Return the image as messages name it, with its revision where one is set."""
        return self.image_name if self.revision == -1 else f"{self.image_name}, revision {self.revision}"

    def to_ansible(self) -> dict[str, Json]:
        """Return the fields by name, as bcm_devices returns them in `assignments`."""
        return asdict(self)


def assignment_of(device: Mapping[str, Any], references: References, *, token: str = "") -> Assignment | None:
    """Return what BCM would install on this node; None where it has no image at all."""
    proxy = effective_proxy(device, references)
    if not proxy:
        return None
    uid = str(proxy["parentSoftwareImage"])
    category = references.categories.raw.get(device.get("category", ""), {})
    image = references.images.raw.get(uid, {})
    disksetup = device.get("disksetup") or category.get("disksetup") or ""
    kernel = next((raw["kernelParameters"] for raw in (device, category, image) if raw.get("kernelParameters")), "")
    return Assignment(
        image_uuid=uid,
        image_name=references.images.name_of(uid) or uid,
        revision=int(proxy["revisionID"]),
        disksetup=_digest(str(disksetup).strip()),
        token=token,
        kernel=_digest(" ".join(str(kernel).split())),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Record:
    """What this collection wrote on a device; empty where it wrote nothing. `intent_power_ms` is by BCM's clock."""

    provisioned_digest: str = ""
    provisioned_image: str = ""
    provisioned_disksetup: str = ""
    provisioned_token: str = ""
    provisioned_kernel: str = ""
    intent_digest: str = ""
    intent_kernel: str = ""
    intent_power_ms: int = 0
    intent_failed: str = ""  # the phase in which the last attempt was given up
    failed_phase: str = ""  # the phase in which the last run failed for it, its power included
    failed_message: str = ""
    reassigned: bool = False  # what a node is assigned was changed, and it has no record to see that by
    timeline: str = ""  # Timeline.to_words of the last attempt

    @classmethod
    def from_api(cls, extra_values: Mapping[str, Any] | None) -> Record:
        """Read the record from `extra_values`, whatever others may have written there."""
        stored = extra_values or {}
        intent_failed = str(stored.get(_INTENT_FAILED) or "")
        phase, _colon, message = str(stored.get(_FAILED) or "").partition(": ")
        return cls(
            provisioned_digest=str(stored.get(_DIGEST) or ""),
            provisioned_image=str(stored.get(_IMAGE) or ""),
            provisioned_disksetup=str(stored.get(_DISKSETUP) or ""),
            provisioned_token=str(stored.get(_TOKEN) or ""),
            provisioned_kernel=str(stored.get(_KERNEL) or ""),
            intent_digest=str(stored.get(_INTENT_DIGEST) or ""),
            intent_kernel=str(stored.get(_INTENT_KERNEL) or ""),
            intent_power_ms=_whole_number(stored.get(_INTENT_POWER_MS)),
            intent_failed=intent_failed,
            failed_phase=phase or intent_failed,
            failed_message=message,
            reassigned=bool(stored.get(_REASSIGNED)),
            timeline=str(stored.get(_TIMELINE) or ""),
        )

    def fails_at(self, status: str) -> bool:
        """Return whether the last failure still stands for a node that has this status: UP ends it, as a run does."""
        return bool(self.failed_phase) and status != Status.UP


def _whole_number(value: object) -> int:
    """Return 0 for what is no number: others may have written to the device."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


def intent_values(assignment: Assignment, *, wall_s: int, last_power_ms: int) -> dict[str, Json]:
    """Return the `extra_values` to write before power; `wall_s` is Unix time.

    `last_power_ms` is the head node's time of the last power operation so far. By it a resumed run knows whether power
    was sent since, without comparing the clocks of two machines.
    """
    return {
        _INTENT_DIGEST: assignment.digest,
        _INTENT_KERNEL: assignment.kernel,
        _INTENT_TIME: wall_s,
        _INTENT_POWER_MS: last_power_ms,
        _INTENT_FAILED: None,
        _FAILED: None,
    }


def failed_values(phase: str, message: str) -> dict[str, Json]:
    """Return what to write when a run failed for a node, for who asks later: the phase, and why."""
    return {_FAILED: f"{phase}: {cut(message, _LONGEST_MESSAGE)}"}


def given_up_values(phase: str, message: str, timeline: str = "") -> dict[str, Json]:
    """Return what to write when a node was given up: the next run starts it anew instead of watching it."""
    return {_INTENT_FAILED: phase, _TIMELINE: timeline or None, **failed_values(phase, message)}


def reassigned_values() -> dict[str, Json]:
    """Return what to write when a node without a record is assigned something else: it will need an installation."""
    return {_REASSIGNED: True}


def overtaken_values() -> dict[str, Json]:
    """Return what to write when a node was assigned something else while it was installed: it may run either."""
    return {
        _REASSIGNED: True,
        _DIGEST: None,
        _TIME: None,
        _IMAGE: None,
        **_NO_INTENT,
    }


def provisioned_values(assignment: Assignment, *, wall_s: int, kernel: str = "", timeline: str = "") -> dict[str, Json]:
    """Return what to write once the node is UP; it removes the intent. `wall_s` is Unix time.

    `kernel` is given where the node was started with other kernel parameters than it is assigned now.
    """
    values: dict[str, Json] = {
        _DIGEST: assignment.digest,
        _TIME: wall_s,
        _IMAGE: assignment.image,
        _DISKSETUP: assignment.disksetup,
        _TOKEN: assignment.token or None,
        _KERNEL: kernel or assignment.kernel,
        _REASSIGNED: None,
        **_NO_INTENT,
    }
    return {**values, _TIMELINE: timeline} if timeline else values
