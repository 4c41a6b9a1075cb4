# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One typed method a CMDaemon call (bcm-api.md section 2), and the ladder that tells an error from data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from .connection import Answer, Transport
from .errors import BcmApiError, BcmAuthError, BcmConflict, BcmError, BcmNotFound, BcmProtocolError, Complaint

Json = Any
Raw = dict[str, Any]

PYTHON_CLIENT = 6  # client_type of registerSession (bcm-api.md 2.1)
_CONFLICTS = {"DUPLICATE_FIELD", "DUPLICATE_NAME"}


class UnknownCall(BcmApiError):
    """The head node does not have this call (HTTP 400, bcm-api.md 1.4)."""


class WriteRefused(BcmError):
    """A call that would write was about to be sent where only reading is allowed: a bug, not a user's error."""


class HeadNode:
    """The calls this collection uses.

    Every method may raise BcmAuthError, BcmTransportError, BcmProtocolError and BcmApiError. `read_only` refuses
    whatever would write before it is sent; `before_write` is asked before every call that writes.
    """

    def __init__(
        self, transport: Transport, *, read_only: bool = False, before_write: Callable[[], None] | None = None
    ) -> None:
        self._transport = transport
        self._read_only = read_only
        self._before_write = before_write
        self.address = transport.connection.url

    def confirm_leave(self) -> None:
        """Ask `before_write` without writing: for long work that only reads meanwhile. Raises what it raises."""
        if self._before_write is not None:
            self._before_write()

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
            raise BcmProtocolError(f"cmprov.getProvisioningStatus answered {_shape(answer)} where an object is due")
        return answer

    def get_version(self) -> Raw:
        with _hiding(self._own_secrets()):
            answer = self._transport.get("/rest/v1/version")
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
            raise BcmProtocolError(f"cmdevice.powerOperation answered {_shape(answer)} where {{count, index}} is due")
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
                f"cmdevice.preboot answered {_shape(answer)} where an object with one success a node is due"
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

    # -- session --------------------------------------------------------------------------------------------------

    def register_session(self) -> str:
        # A session is this client's mailbox, not a change of the cluster, so it is allowed in check mode.
        answer = self._call("cmsession", "registerSession", [PYTHON_CLIENT], reads=True, action="open a session")
        if not isinstance(answer, str):
            raise BcmProtocolError(f"cmsession.registerSession answered {_shape(answer)} where a session uuid is due")
        return answer

    def unregister_session(self, session: str) -> None:
        self._call("cmsession", "unregisterSession", [session], reads=True, action="close the session")

    def wait_for_events(self, session: str, timeout_s: int) -> list[Raw]:
        answer = self._call(
            "cmsession",
            "waitForEvents",
            [session, timeout_s],
            reads=True,
            action="wait for events",
            read_timeout_s=timeout_s + self._transport.connection.read_timeout_s,
        )
        return self._list(answer, "cmsession.waitForEvents")

    def acknowledge_keep_alive(self, session: str) -> None:
        self._call("cmsession", "acknowledgeKeepAlive", [session, 0], reads=True, action="keep the session")

    def close(self) -> None:
        self._transport.close()

    # -- the ladder (bcm-api.md 1.4) ------------------------------------------------------------------------------

    def _objects(self, service: str, call: str) -> list[Raw]:
        return self._list(self._call(service, call, [], reads=True, action=f"read {call[3:]}"), f"{service}.{call}")

    def _list(self, answer: Json, call: str) -> list[Raw]:
        if not isinstance(answer, list):
            raise BcmProtocolError(f"{call} answered {_shape(answer)} where a list is due")
        return answer

    def _commit(self, service: str, call: str, args: list[Json], action: str) -> None:
        answer = self._call(service, call, args, reads=False, action=action)
        self._raise_if_refused(answer, f"{service}.{call}", action)

    def _call(
        self,
        service: str,
        call: str,
        args: list[Json],
        *,
        reads: bool,
        action: str,
        read_timeout_s: float | None = None,
    ) -> Json:
        name = f"{service}.{call}"
        if not reads:
            if self._read_only:
                raise WriteRefused(f"{name} must not be sent in check mode")
            if self._before_write is not None:
                self._before_write()
        secrets = _secrets(args) | self._own_secrets()
        body = {"service": service, "call": call, "args": args}
        with _hiding(secrets):
            answer = self._transport.call(body, name=name, reads=reads, read_timeout_s=read_timeout_s)
            # Before anything is cut off it: half a secret would be told otherwise.
            return _data(replace(answer, text=_blank(answer.text, secrets)), name, action)

    def _own_secrets(self) -> set[str]:
        return {secret for secret in (self._transport.connection.password,) if secret}

    def _raise_if_refused(self, result: Json, name: str, action: str) -> None:
        if not isinstance(result, dict):
            raise BcmProtocolError(f"could not {action}: {name} answered {_shape(result)} where a commit result is due")
        if result.get("success", result.get("result")) is False:
            raise _refusal(result, name, action)


def _data(answer: Answer, name: str, action: str) -> Json:
    """Status, then `errormessage`, then `success: false`, then data."""
    if answer.status == 400:
        raise UnknownCall(
            f"could not {action}: the head node does not accept {name} (HTTP 400)", call=name, http_status=400
        )
    if answer.status != 200:
        raise BcmApiError(
            f"could not {action}: {name} answered HTTP {answer.status}", call=name, http_status=answer.status
        )
    if not answer.is_json:
        raise BcmProtocolError(f"could not {action}: {name} answered something that is not JSON: {answer.text[:80]!r}")
    value = answer.value
    if isinstance(value, dict) and value.get("errormessage"):
        text = str(value["errormessage"]).strip()
        if "does not allow access" in text:
            raise BcmAuthError(f"could not {action}: {text}; the account's profile must allow {name}")
        raise BcmApiError(f"could not {action}: {text} ({name})", call=name)
    if isinstance(value, dict) and value.get("success", value.get("result")) is False:
        raise _refusal(value, name, action)
    return value


def _refusal(result: Raw, name: str, action: str) -> BcmApiError:
    complaints = tuple(
        Complaint(
            field=str(entry.get("field", "")),
            error_code=str(entry.get("error_code", "")),
            message=str(entry.get("message", "")),
            severity=str(entry.get("severity", "ERROR")),
        )
        for entry in result.get("validation") or []
        if isinstance(entry, dict)
    )
    errors = [complaint for complaint in complaints if complaint.severity != "WARNING"] or list(complaints)
    reason = "; ".join(str(complaint) for complaint in errors) or f"{name} answered success: false without a reason"
    codes = {complaint.error_code for complaint in errors}
    kind: type[BcmApiError] = BcmApiError
    if codes & _CONFLICTS:
        kind = BcmConflict
    elif codes == {"KEY_NOT_FOUND"}:
        kind = BcmNotFound
    return kind(f"could not {action}: {reason}", call=name, complaints=complaints)


def _describe(kind: str, entity: Mapping[str, Any]) -> str:
    return f"{kind.lower()} {entity.get('hostname') or entity.get('name')}"


def _shape(answer: Json) -> str:
    return {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}.get(
        type(answer), "a number"
    )


@contextmanager
def _hiding(secrets: set[str]) -> Iterator[None]:
    """Blank these secrets in the text of every BcmError that passes."""
    try:
        yield
    except BcmError as error:
        error.args = (_blank(str(error), secrets), *error.args[1:])
        raise


def _secrets(value: Json) -> set[str]:
    return {text for text in _walk_secrets(value) if text}


def _walk_secrets(value: Json) -> Iterator[str]:
    children: Iterable[Json] = ()
    if isinstance(value, dict):
        secret = value.get("password")
        if isinstance(secret, str):
            yield secret
        children = value.values()
    elif isinstance(value, list):
        children = value
    for child in children:
        yield from _walk_secrets(child)


def _blank(text: str, secrets: set[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        # As it is, and as JSON writes it.
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            text = text.replace(form, "********")
    return text
