# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of bcm_preflight: an inventory is held against itself and against the head node. It only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._values.certificate import certificates_in
from ..._values.clock import Clock
from ..._values.names import count
from ..api.client import HeadNode
from ..api.errors import BcmApiError, BcmAuthError
from ..entities.licence import Licence
from ..entities.slots import Slots
from . import network_checks, preflight, preflight_nodes, prerequisites
from .categories import assume_categories
from .guards import require_names
from .prerequisites import Findings
from .read import read_devices, read_references


@dataclass(frozen=True)
class Inspection:
    """What was found. With `problems` nothing may be changed; `category_images` are the stored images by category."""

    problems: Sequence[str]
    warnings: Sequence[str]
    remarks: Sequence[str]
    to_check: Sequence[str]
    category_images: Mapping[str, str]
    version: str

    @property
    def refusal(self) -> str:
        """Return all problems in one message; "" where there is none."""
        if not self.problems:
            return ""
        return f"nothing was changed, {count(len(self.problems), 'problem')}: {'; '.join(self.problems)}"

    def to_ansible(self) -> dict[str, Any]:
        """Return it as bcm_preflight documents its result."""
        return {
            "changed": False,
            "problems": list(self.problems),
            "remarks": [*self.remarks],
            "category_images": dict(self.category_images),
            "to_check": list(self.to_check),
            "version": self.version,
        }


def inspect(
    head_node: HeadNode,
    clock: Clock,
    nodes: Sequence[Mapping[str, Any]],
    categories: Sequence[Mapping[str, Any]],
    *,
    allow_mac_change: bool = False,
    certificate_files: Mapping[str, str | None] | None = None,
) -> Inspection:
    """Inspect nodes (options of bcm_device) and categories (options of bcm_category).

    `certificate_files` maps ca_path and client_cert to files, which are read. Raises BcmConfigError for an empty list,
    and BcmError as the calls do; inspecting again is safe.
    """
    require_names([node["hostname"] for node in nodes])
    problems = preflight.check_inventory(nodes)
    references = read_references(head_node, partitions=False)
    category_images = preflight.images_of_categories(references)
    stored_categories = {str(raw["name"]): dict(raw) for raw in references.categories.raw.values()}
    references = assume_categories(references, categories)
    problems += preflight.check_references(nodes, categories, references)
    known = read_devices(head_node)
    problems += preflight.check_new(nodes, known)
    problems += preflight.check_owners(nodes, known, allow_mac_change=allow_mac_change)
    problems += preflight_nodes.check_addresses(nodes, known, references)
    problems += preflight_nodes.check_plans(
        nodes, categories, known, references, stored_categories=stored_categories, known=problems
    )
    status = head_node.get_provisioning_status()
    slot_problems, remarks = preflight.check_slots(Slots.from_api(status), len(nodes))
    version = _read(head_node.get_version) or ""
    licence, now_s = _read(head_node.get_licence), clock.wall_s()
    certificates, unreadable = _certificates(certificate_files or {}, head_node)
    found = Findings.joined(
        [
            prerequisites.check_version(version),
            prerequisites.check_licence(
                None if licence is None else Licence.from_api(licence),
                known,
                [node["hostname"] for node in nodes if node["state"] != "absent"],
                now_s,
            ),
            prerequisites.check_certificates(certificates, now_s),
            prerequisites.check_provisioners(nodes, status, known, references),
            network_checks.check_networks(nodes, known, references),
            network_checks.check_taken_addresses(nodes, known),
            Findings(warnings=preflight_nodes.find_warnings(nodes, categories, known, references)),
            Findings(to_check=(*unreadable, *prerequisites.NOT_SEEN)),
        ]
    )
    return Inspection(
        problems=preflight.describe((*problems, *slot_problems, *found.problems)),
        warnings=list(found.warnings),
        remarks=[*remarks, *found.warnings, *found.remarks],
        to_check=list(found.to_check),
        category_images=category_images,
        version=version,
    )


def _read(call: Callable[[], Any]) -> Any:
    """Return what a call answers; None where this head node or this account has no such call."""
    try:
        return call()
    except (BcmApiError, BcmAuthError):
        return None


def _certificates(files: Mapping[str, str | None], head_node: HeadNode) -> tuple[dict[str, list[bytes]], list[str]]:
    """Return the certificates of the connection, in DER by what they are, and what has to be looked at by hand."""
    named = {
        "the certificate authority (ca_path)": files.get("ca_path"),
        "the client certificate": files.get("client_cert"),
    }
    found = {what: certificates_in(Path(path).read_text(encoding="ascii")) for what, path in named.items() if path}
    shown = head_node.server_certificate
    if shown is not None:
        found["the certificate of the head node"] = [shown]
    return found, [] if files.get("ca_path") else [prerequisites.CA_NOT_SEEN]
