# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One typed method a CMDaemon call (bcm-api.md section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .calls import Raw, shape
from .errors import BcmProtocolError
from .events import SessionCalls


class HeadNode(SessionCalls):
    """The calls this collection uses.

    Every method may raise BcmAuthError, BcmTransportError, BcmProtocolError and BcmApiError. `read_only` refuses
    whatever would write before it is sent; `before_write` is asked before every call that writes.
    """

    # -- entities -------------------------------------------------------------------------------------------------

    def get_devices(self) -> list[Raw]:
        return self._objects("cmdevice", "getDevices")

    def get_devices_by_uuids(self, uuids: Sequence[str]) -> list[Raw]:
        """The devices of these uuids; those that are gone are left out. An empty list would mean all of them."""
        if not uuids:
            return []
        answer = self._call("cmdevice", "getDevicesByUuids", [list(uuids)], reads=True, action="read the nodes")
        return [entry for entry in self._list(answer, "cmdevice.getDevicesByUuids") if entry]

    def get_categories(self) -> list[Raw]:
        return self._objects("cmdevice", "getCategories")

    def get_software_images(self) -> list[Raw]:
        return self._objects("cmpart", "getSoftwareImages")

    def get_partitions(self) -> list[Raw]:
        return self._objects("cmpart", "getPartitions")

    def get_networks(self) -> list[Raw]:
        return self._objects("cmnet", "getNetworks")

    def add(self, service: str, kind: str, entity: Raw) -> None:
        """Create one entity (`kind` as in the call's name: Device, Category)."""
        self._commit(service, f"add{kind}", [entity, False], f"create {_describe(kind, entity)}")

    def update(self, service: str, kind: str, entity: Raw) -> None:
        """Replace one entity by this whole object, unknown keys included (bcm-api.md 3)."""
        self._commit(service, f"update{kind}", [entity, False], f"update {_describe(kind, entity)}")

    def remove(self, service: str, kind: str, entity: Raw) -> None:
        self._commit(service, f"remove{kind}", [entity["uuid"], False], f"remove {_describe(kind, entity)}")

    def bulk(self, service: str, verb: str, plural: str, entities: Sequence[Raw]) -> None:
        """Add or update many entities in one call; raises UnknownCall where the head node has no such call.

        # ASSUMED: arguments ([entities], force) and an answer that is a list of commit results or one commit result.
        # Bulk calls are named by pythoncm, their answers nowhere. What was stored is read back in any case.
        """
        call = f"{verb}{plural}"
        answer = self._call(
            service, call, [list(entities), False], reads=False, action=f"{verb} {len(entities)} {plural}"
        )
        results = answer if isinstance(answer, list) else [answer]
        for result in results:
            self._raise_if_refused(result, f"{service}.{call}", f"{verb} {len(entities)} {plural}")

    # -- status, provisioning -------------------------------------------------------------------------------------

    def get_status_for_devices(self, uuids: Sequence[str]) -> list[Raw]:
        answer = self._call(
            "cmstatus", "getStatusForDevices", [list(uuids)], reads=True, action="read the status of the nodes"
        )
        # Entries may be null (bcm-api.md 2.2).
        return [entry for entry in self._list(answer, "cmstatus.getStatusForDevices") if entry]

    def get_provisioning_status(self) -> Raw:
        answer = self._call("cmprov", "getProvisioningStatus", [[]], reads=True, action="read the provisioning slots")
        if not isinstance(answer, dict):
            raise BcmProtocolError(f"cmprov.getProvisioningStatus answered {shape(answer)} where an object is due")
        return answer

    def get_version(self) -> Raw:
        answer = self._get("/rest/v1/version")
        if answer.status != 200 or not isinstance(answer.value, dict):
            raise BcmProtocolError(
                f"GET /rest/v1/version of {self.address} answered HTTP {answer.status}, not a version"
            )
        return answer.value

    # -- power ----------------------------------------------------------------------------------------------------

    def power_operation(
        self, operation: str, uuids: Sequence[str], session: str, *, delay_s: float = 0.0, force: bool = False
    ) -> Raw:
        """Ask for ON, OFF, RESET or STATUS; answers {count, index} at once, the results come as events.

        `delay_s` is BCM's pause between two devices; `force` acts on CLOSED devices too (bcm-api.md 4.9).
        """
        request: Raw = {
            "baseType": "PowerOperation",
            "childType": "",
            "devices": list(uuids),
            "operation": operation,
            "session_uuid": session,
        }
        if delay_s:
            request["delay"] = round(delay_s * 1000)
        if force:
            request["force"] = True
        reads = operation == "STATUS"
        action = "ask for the power state" if reads else f"send power {operation}"
        answer = self._call("cmdevice", "powerOperation", [request], reads=reads, action=action)
        if not isinstance(answer, dict) or not {"count", "index"} <= answer.keys():
            raise BcmProtocolError(f"cmdevice.powerOperation answered {shape(answer)} where {{count, index}} is due")
        return answer

    def restart(self, uuids: Sequence[str], timeout_s: float) -> list[bool]:
        """Ask the nodes' own daemons to restart them; whether each of them agreed, in the order of the uuids.

        # ASSUMED: the first argument runs the scripts before the halt; the answer comes when the daemons have been
        # told, not when the nodes are down. One call for a node that is UP would settle both.
        """
        answer = self._call(
            "cmdevice",
            "preboot",
            [True, round(timeout_s * 1000), list(uuids)],
            reads=False,
            action="ask the nodes to restart",
        )
        agreed = answer.get("success") if isinstance(answer, dict) else None
        if not isinstance(agreed, list) or len(agreed) != len(uuids):
            raise BcmProtocolError(
                f"cmdevice.preboot answered {shape(answer)} where an object with one success a node is due"
            )
        return [bool(one) for one in agreed]

    def power_operation_history(self, uuids: Sequence[str]) -> list[Raw]:
        """The last power operation of each device, `executionTime` in ms of the head node's clock.

        # ASSUMED: asking for STATUS leaves no history, or it would hide the operation before it. One STATUS and one
        # look at the history of a live head node would settle it.
        """
        answer = self._call(
            "cmdevice", "powerOperationHistory", [list(uuids), True], reads=True, action="read the power history"
        )
        return self._list(answer, "cmdevice.powerOperationHistory")


def _describe(kind: str, entity: Mapping[str, Any]) -> str:
    return f"{kind.lower()} {entity.get('hostname') or entity.get('name')}"
