# SPDX-License-Identifier: GPL-3.0-or-later
"""cmprov: provisioning."""

from __future__ import annotations

from virtual_rack.entities.fields import ZERO_UUID
from virtual_rack.head_node import HeadNode
from virtual_rack.services.calls import Args, Service


class ProvService:
    """Provisioning status, provisioners, updates of running nodes."""

    def __init__(self, head: HeadNode) -> None:
        self._head = head

    def calls(self) -> Service:
        """Give the calls by name."""
        provisioning = self._head.provisioning
        return {
            "getProvisioningStatus": lambda _: provisioning.to_api(),
            "imageUpdate": self._image_update,
            "drainProvisioningNodes": lambda args: self._drain(args, drained=True),
            "undrainProvisioningNodes": lambda args: self._drain(args, drained=False),
            "updateProvisioners": lambda args: provisioning.refresh(args.uuids()),
        }

    def _image_update(self, args: Args) -> list[str]:
        dry_run, session = args.flag(1), args.text(2, ZERO_UUID)
        updates, database = self._head.image_updates, self._head.database
        return [updates.start(database.get("Device", u), dry_run=dry_run, session=session) for u in args.uuids()]

    def _drain(self, args: Args, *, drained: bool) -> bool:
        """Drain or undrain. ASSUMED: the answer is true; no answer was seen."""
        if drained:
            self._head.provisioning.drain(args.uuids())
        else:
            self._head.provisioning.undrain(args.uuids())
        return True
