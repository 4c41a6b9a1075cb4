# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The calls of a head node: one typed method per CMDaemon call (bcm-api.md 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from ..._values.shape import Shape, anything, list_of, object_of, optional
from . import shapes
from .bulk import Refusals, read_bulk
from .calls import Raw, hide
from .errors import BcmApiError, BcmProtocolError, BcmTransportError, BcmUnreachable, CallDenied
from .events import SessionCalls
from .failover import Link

# In messages as for one entity.
_VERBS = {"add": "create", "update": "update"}
# ASSUMED: a head node takes at most so many seconds for each of many entities. The time of one updateDevices with a
# hundred devices would settle it.
_BULK_S = 0.1


class HeadNode(SessionCalls):
    """The calls that this collection uses. Entities are dictionaries with the keys of bcm-api.md 3 and 4.

    Every method may raise BcmAuthError, BcmTransportError, BcmProtocolError and BcmApiError. Methods that only read are
    safe to call again, and were already tried again where no usable answer came. After BcmUnreachable nothing was sent;
    after another BcmTransportError or a BcmProtocolError a write may have been performed: read before sending it again.
    With `read_only` a method that would write raises WriteRefused; `before_write` is called before each of them.
    """

    def __init__(
        self, transport: Link, *, read_only: bool = False, before_write: Callable[[], None] | None = None
    ) -> None:
        super().__init__(transport, read_only=read_only, before_write=before_write)
        self._without: set[str] = set()  # calls for many that failed

    # -- entities -------------------------------------------------------------------------------------------------

    def get_devices(self) -> list[Raw]:
        """Read all devices, head nodes and switches included (bcm-api.md 4.1)."""
        return self._objects("cmdevice", "getDevices", shapes.DEVICE)

    def get_devices_by_uuids(self, uuids: Sequence[str]) -> list[Raw]:
        """Read the devices with these uuids; those that no longer exist are left out."""
        # The head node takes an empty list as all devices.
        if not uuids:
            return []
        answer = self._call(
            "cmdevice",
            "getDevicesByUuids",
            [list(uuids)],
            reads=True,
            action="read the nodes",
            shape=list_of(optional(shapes.DEVICE)),
        )
        return [entry for entry in answer if entry]

    def get_categories(self) -> list[Raw]:
        """Read all categories (bcm-api.md 4.2)."""
        return self._objects("cmdevice", "getCategories", shapes.CATEGORY)

    def get_software_images(self) -> list[Raw]:
        """Read all software images (bcm-api.md 4.4)."""
        return self._objects("cmpart", "getSoftwareImages", shapes.SOFTWARE_IMAGE)

    def get_partitions(self) -> list[Raw]:
        """Read all partitions (bcm-api.md 2)."""
        return self._objects("cmpart", "getPartitions", shapes.PARTITION)

    def get_racks(self) -> list[Raw]:
        """Read all racks (bcm-api.md 2)."""
        return self._objects("cmpart", "getRacks", shapes.RACK)

    def get_networks(self) -> list[Raw]:
        """Read all networks (bcm-api.md 4.5)."""
        return self._objects("cmnet", "getNetworks", shapes.NETWORK)

    def add(self, service: str, kind: str, entity: Raw) -> None:
        """Create one entity; `kind` is as in the call's name, such as Device. Its uuid is made by the caller (3).

        Raises BcmConflict for a name or another unique field that is taken.
        """
        self._commit(service, f"add{kind}", [entity, False], f"create {_describe(kind, entity)}")

    def update(self, service: str, kind: str, entity: Raw) -> None:
        """Replace one entity by this whole object, unknown keys included (bcm-api.md 3)."""
        self._commit(service, f"update{kind}", [entity, False], f"update {_describe(kind, entity)}")

    def remove(self, service: str, kind: str, entity: Raw) -> None:
        """Remove one entity, found by its uuid."""
        self._commit(service, f"remove{kind}", [entity["uuid"], False], f"remove {_describe(kind, entity)}")

    def bulk(self, service: str, verb: str, plural: str, entities: Sequence[Raw]) -> Refusals:
        """Add or update many entities in one call; returns for each, in order, why it was refused, or None.

        `verb` and `plural` make the call's name: add, Devices. An error without complaints: the answer does not say
        which of its complaints is about this entity; a call for it alone does. Raises UnknownCall where the head node
        has no such call, CallDenied where the account may not make it, and BcmApiError where it refused the whole of
        it. After these, and after an answer that was lost or can't be read, the call is in `without`.

        # ASSUMED: arguments ([entities], force), after those of the call for one entity. What was stored is read back
        # in any case.
        """
        name, args = f"{service}.{verb}{plural}", [list(entities), False]
        try:
            answer = self._call(
                service,
                f"{verb}{plural}",
                args,
                reads=False,
                action=f"{verb} {len(entities)} {plural}",
                read_timeout_s=self._transport.connection.read_timeout_s + _BULK_S * len(entities),
            )
            actions = [f"{_VERBS[verb]} {_describe(str(entity.get('baseType')), entity)}" for entity in entities]
            secrets = self._secrets_in(args)
            refusals = read_bulk(answer, entities, actions, name, secrets=secrets)
        except BcmUnreachable:
            raise
        except (BcmApiError, CallDenied, BcmTransportError, BcmProtocolError):
            self._without.add(name)
            raise
        for error in filter(None, refusals):
            hide(error, secrets, self._users_in(args))
        return refusals

    @property
    def without(self) -> AbstractSet[str]:
        """Return the calls for many that are not worth another try: they failed as a whole on this head node."""
        return self._without

    # -- status, provisioning -------------------------------------------------------------------------------------

    def get_status_for_devices(self, uuids: Sequence[str]) -> list[Raw]:
        """Read the DeviceStatus of each device that has one (bcm-api.md 2.2, 4.9)."""
        answer = self._call(
            "cmstatus",
            "getStatusForDevices",
            [list(uuids)],
            reads=True,
            action="read the status of the nodes",
            shape=shapes.STATUSES,
        )
        return [entry for entry in answer if entry]

    def get_provisioning_status(self) -> Raw:
        """Read the provisioning nodes with their slots, and the requests for slots (bcm-api.md 2.4, 4.9)."""
        return self._object(
            "cmprov", "getProvisioningStatus", "read the provisioning slots", [], shape=shapes.PROVISIONING_STATUS
        )

    def get_version(self) -> str:
        """Read the version of BCM, such as "11.0"; "" where the answer has none (bcm-api.md 2.6)."""
        version = self._object("cmmain", "getVersion", "read the version", shape=shapes.VERSION)
        return str(version.get("cmVersion") or "")

    def get_licence(self) -> Raw:
        """Read the licence of the cluster (bcm-api.md 2.6)."""
        return self._object("cmmain", "getLicenseInfo", "read the licence", shape=shapes.LICENCE)

    @property
    def server_certificate(self) -> bytes | None:
        """Return the certificate that the head node has shown, in DER; None before the first call."""
        return self._transport.server_certificate

    def _object(self, service: str, call: str, action: str, *args: Any, shape: Shape) -> Raw:
        answer: Raw = self._call(service, call, list(args), reads=True, action=action, shape=shape)
        return answer

    # -- power ----------------------------------------------------------------------------------------------------

    def power_operation(
        self, operation: str, uuids: Sequence[str], session: str, *, delay_s: float = 0.0, force: bool = False
    ) -> Raw:
        """Send ON, OFF, RESET or STATUS; returns {count, index} before anything has happened (bcm-api.md 2.3).

        The result of each device comes as an event of `session` that carries the index. `delay_s` is BCM's pause
        between two devices; `force` acts on CLOSED devices too (bcm-api.md 4.9). STATUS only reads.
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
        result: Raw = self._call(
            "cmdevice", "powerOperation", [request], reads=reads, action=action, shape=shapes.POWER_RESULT
        )
        return result

    def restart(self, uuids: Sequence[str], timeout_s: float) -> list[bool]:
        """Ask the nodes' own daemons to restart them; returns whether each agreed, in the order of the uuids (2.3)."""
        return self._ask_daemons("preboot", uuids, timeout_s, "ask the nodes to restart")

    def shut_down(self, uuids: Sequence[str], timeout_s: float) -> list[bool]:
        """Ask the nodes' own daemons to shut them down; returns as `restart` does (2.3)."""
        return self._ask_daemons("pshutdown", uuids, timeout_s, "ask the nodes to shut down")

    def _ask_daemons(self, call: str, uuids: Sequence[str], timeout_s: float, action: str) -> list[bool]:
        """Ask the daemons of nodes that are UP for one thing, all in one call.

        # ASSUMED: the first argument runs the scripts before the halt; the answer comes when the daemons have got the
        # request, not when the nodes are down. One call for a node that is UP would settle both.
        """
        arguments = [True, round(timeout_s * 1000), list(uuids)]
        answers = object_of({"success": list_of(anything, length=len(uuids))})
        answer = self._call("cmdevice", call, arguments, reads=False, action=action, shape=answers)
        return [bool(one) for one in answer["success"]]

    def power_operation_history(self, uuids: Sequence[str]) -> list[Raw]:
        """Read the last power operation of each device; `executionTime` is in ms of the head node's clock (4.9).

        # ASSUMED: asking for STATUS leaves no history, or it would hide the operation before it. One STATUS and one
        # look at the history of a live head node would settle it.
        """
        history: list[Raw] = self._call(
            "cmdevice",
            "powerOperationHistory",
            [list(uuids), True],
            reads=True,
            action="read the power history",
            shape=shapes.POWER_HISTORY,
        )
        return history


def _describe(kind: str, entity: Mapping[str, Any]) -> str:
    return f"{kind.lower()} {entity.get('hostname') or entity.get('name')}"
