# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers of somebody else, which hold provisioning slots."""

from __future__ import annotations

import uuid as uuids

from virtual_rack.entities.database import Database
from virtual_rack.faults import Faults
from virtual_rack.nodes.provisioning import Provisioning
from virtual_rack.nodes.slots import Request


class OtherTransfers:
    """Holds as many slots as the faults `slots_taken` say: updates of nodes that are not in the rack."""

    def __init__(self, *, database: Database, provisioning: Provisioning, faults: Faults) -> None:
        self._database = database
        self._provisioning = provisioning
        self._faults = faults
        self._session = str(uuids.uuid4())
        self._held: list[str] = []
        faults.listen(self._settle)

    def _settle(self) -> None:
        taken = [int(fault.options["slots"]) for fault in self._faults.all() if fault.kind == "slots_taken"]
        images = self._database.all("SoftwareImage")
        wanted = sum(taken) if images else 0
        while len(self._held) > wanted:
            self._provisioning.finish(self._held.pop())
        while len(self._held) < wanted:
            self._begin(images[0]["uuid"])

    def _begin(self, image: str) -> None:
        request = Request(
            uuid=str(uuids.uuid4()),
            image=image,
            destination=str(uuids.uuid4()),
            mode="UPDATE",
            from_installer=False,
            session=self._session,
        )
        self._held.append(request.uuid)
        # In front: who adds the fault wants these slots gone as soon as they fall free.
        self._provisioning.ask(request, start=lambda: None, first=True)
