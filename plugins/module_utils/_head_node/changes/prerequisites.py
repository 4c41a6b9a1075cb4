# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Checks of what must be right on the head node before the first node boots. Pure.

Each check returns Findings; what it can't see it names, with the command that shows it on the head node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._values.certificate import end_of
from ..._values.names import count, shorten
from ..entities.device import effective_proxy, is_node
from ..entities.fields import Raw
from ..entities.licence import Licence
from ..entities.references import ZERO_UUID, References
from ..entities.slots import Slots
from .preflight import Problem, Wanted

OLDEST_VERSION = 10
WARN_DAYS = 30
_DAY_S = 86_400


@dataclass(frozen=True)
class Findings:
    """What a check found: problems, which end the run; remarks; warnings, which are remarks that get urgent; and
    `to_check`, what the head node did not show."""

    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    to_check: tuple[str, ...] = ()

    @classmethod
    def joined(cls, findings: Iterable[Findings]) -> Findings:
        """Return several as one."""
        every = list(findings)
        return cls(
            problems=tuple(item for one in every for item in one.problems),
            remarks=tuple(item for one in every for item in one.remarks),
            warnings=tuple(item for one in every for item in one.warnings),
            to_check=tuple(item for one in every for item in one.to_check),
        )


def check_version(version: str) -> Findings:
    """Refuse a BCM that is too old; `version` is as the head node tells it, such as 11.0."""
    first = version.split(".", maxsplit=1)[0]
    if not first.isdecimal():
        return Findings(to_check=(f"BCM {OLDEST_VERSION} or newer: cmsh -c 'main; versioninfo'",))
    if int(first) < OLDEST_VERSION:
        text = f"the head node runs BCM {version}; this collection needs BCM {OLDEST_VERSION} or newer"
        return Findings(problems=(Problem("", text),))
    return Findings()


def check_licence(licence: Licence | None, devices: Mapping[str, Raw], names: Sequence[str], now_s: int) -> Findings:
    """Check that the licence has not ended and covers the nodes of BCM and those that are new; None: not readable."""
    found = []
    if licence is None or licence.end_s is None:
        found.append(Findings(to_check=("the licence is valid: cmsh -c 'main; licenseinfo'",)))
    else:
        found.append(_check_end("the licence of the cluster", licence.end_s, now_s))
    if licence is None or licence.nodes is None:
        found.append(Findings(to_check=("the licence covers the nodes: cmsh -c 'main; licenseinfo'",)))
    else:
        new = [name for name in names if name not in devices]
        there = sum(1 for raw in devices.values() if is_node(raw))
        if new and there + len(new) > licence.nodes:
            text = (
                f"the licence covers {count(licence.nodes, 'node')}, BCM has {there:,} and "
                f"{count(len(new), 'node')} would be added: {shorten(new)}"
            )
            found.append(Findings(problems=(Problem("", text),)))
    return Findings.joined(found)


def check_certificates(certificates: Mapping[str, Sequence[bytes]], now_s: int) -> Findings:
    """Check how long certificates live, in DER by what they are. Of several in one file the longest-lived counts."""
    found = []
    for what, ders in certificates.items():
        try:
            found.append(_check_end(what, max(end_of(der) for der in ders), now_s))
        except ValueError:
            found.append(Findings(remarks=(f"how long {what} is valid can't be read",)))
    return Findings.joined(found)


def _check_end(what: str, end_s: int, now_s: int) -> Findings:
    days, over = divmod(abs(end_s - now_s), _DAY_S)
    if end_s <= now_s:
        ago = f"{count(days, 'day')} ago" if days else "today"
        return Findings(problems=(Problem("", f"{what} ended {ago}; renew it first"),))
    if days < WARN_DAYS or (days == WARN_DAYS and not over):
        return Findings(warnings=(f"{what} ends in {count(days, 'day')}",))
    return Findings()


def check_provisioners(
    nodes: Sequence[Wanted], status: Mapping[str, Any], devices: Mapping[str, Raw], references: References
) -> Findings:
    """Check that a provisioning node has each image that the nodes are to get, and that its copies are up to date.

    `status` is the answer of cmprov.getProvisioningStatus, `references` as they will be when the run has written them.
    """
    serving = {node.device for node in Slots.from_api(status).serving}
    entries = [raw for raw in status.get("provisioningNodeStatusList") or [] if str(raw["ref_node_uuid"]) in serving]
    by_uuid = {str(raw["uuid"]): raw for raw in devices.values()}
    problems, remarks = [], []
    for image, users in _images_of(nodes, devices, references).items():
        name = references.images.name_of(image) or image
        having = [raw for raw in entries if _may_serve(raw, by_uuid.get(str(raw["ref_node_uuid"])), image, references)]
        if entries and not having:
            text = (
                f"no provisioning node has software image '{name}', which {shorten(users)} would get; "
                "add it to the images of a provisioning role"
            )
            problems.append(Problem("", text))
        old = [
            str(by_uuid.get(str(raw["ref_node_uuid"]), {}).get("hostname") or raw["ref_node_uuid"])
            for raw in having
            if image in _outdated(raw)
        ]
        if old:
            remarks.append(
                f"the copy of software image '{name}' on {shorten(old)} is not up to date, and serves no node while it "
                "is refreshed: cmsh -c 'softwareimage; updateprovisioners'"
            )
    return Findings(problems=tuple(problems), remarks=tuple(remarks))


def _images_of(nodes: Sequence[Wanted], devices: Mapping[str, Raw], references: References) -> dict[str, list[str]]:
    """Return the uuids of the images that nodes are to get, each with these nodes; unknown names are left out."""
    users: dict[str, list[str]] = {}
    for node in nodes:
        name = str(node["hostname"])
        image = references.images.by_name.get(str(node.get("software_image") or ""), "")
        if not image:
            planned = dict(devices.get(name, {}))
            if node.get("category"):
                planned["category"] = references.categories.by_name.get(str(node["category"]), "")
            # An empty text takes the node's own image away.
            if node.get("software_image") == "":
                planned["softwareImageProxy"] = None
            image = str((effective_proxy(planned, references) or {}).get("parentSoftwareImage") or "")
        if image not in ("", ZERO_UUID) and node.get("state") != "absent":
            users.setdefault(image, []).append(name)
    return users


def _may_serve(entry: Mapping[str, Any], device: Raw | None, image: str, references: References) -> bool:
    """Return whether a provisioning node has an image, by what it reports, else by its role; True where neither says.

    Roles may also come from configuration overlays, which are not read.
    """
    reported = entry.get("ref_image_uuids") or []
    if reported:
        return image in reported
    category = references.categories.raw.get(str((device or {}).get("category", "")), {})
    roles = [role for owner in (device or {}, category) for role in owner.get("roles") or []]
    role = next((role for role in roles if role.get("childType") == "ProvisioningRole"), None)
    if role is None or str(role.get("allImages") or "NO").upper() not in ("NO", "NONE"):
        return True
    return image in [*(role.get("localImages") or []), *(role.get("sharedImages") or [])]


def _outdated(entry: Mapping[str, Any]) -> set[str]:
    images, states = entry.get("ref_image_uuids") or [], entry.get("upToDate") or []
    return {str(image) for image, is_new in zip(images, states) if not is_new}


# What the head node's API does not show, with the command that does; run on the head node.
NOT_SEEN = (
    "DNS, DHCP and TFTP answer: ss -uln 'sport = :53 or sport = :67 or sport = :69'",
    "nodes that boot from several ports: grep AnyMAC /cm/local/apps/cmd/etc/cmd.conf",
    "provisioning threads: grep MaxNumber /cm/local/apps/cmd/etc/cmd.conf",
    "images changed by hand were spread: cmsh -c 'softwareimage; updateprovisioners'",
)
CA_NOT_SEEN = "the certificate authority is valid: openssl x509 -enddate -in /cm/local/apps/cmd/etc/cacert.pem"
