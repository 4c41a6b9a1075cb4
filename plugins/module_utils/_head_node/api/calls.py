# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sending of calls to a head node, and the line between its errors and its data (bcm-api.md 1.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..._https.blanking import blank, blank_words
from .answer import Answer
from .errors import BcmApiError, BcmAuthError, BcmConflict, BcmError, BcmNotFound, BcmProtocolError, Complaint
from .transport import Transport

Json = Any
Raw = dict[str, Any]

CONFLICTS = {"DUPLICATE_FIELD", "DUPLICATE_NAME"}


class UnknownCall(BcmApiError):
    """The head node does not have this call (HTTP 400, bcm-api.md 1.4)."""


class WriteRefused(BcmError):
    """A call that would write was about to be sent where only reading is allowed. Nothing was sent.

    It is a bug of this collection, not a user's error; trying again does not help.
    """


class Caller:
    """The base of the typed calls of a head node.

    With `read_only` a call that would write raises WriteRefused before it is sent. `before_write` is called before
    every call that writes; what it raises keeps the call from being sent.
    """

    def __init__(
        self, transport: Transport, *, read_only: bool = False, before_write: Callable[[], None] | None = None
    ) -> None:
        self._transport = transport
        self._read_only = read_only
        self._before_write = before_write
        self.address = transport.connection.url

    def confirm_leave(self) -> None:
        """Call `before_write` without writing, for long work that only reads meanwhile. Raises what that raises."""
        if self._before_write is not None:
            self._before_write()

    def close(self) -> None:
        """Close the connections; sessions on the head node are not ended."""
        self._transport.close()

    def _objects(self, service: str, call: str) -> list[Raw]:
        return self._list(self._call(service, call, [], reads=True, action=f"read {call[3:]}"), f"{service}.{call}")

    def _list(self, answer: Json, call: str) -> list[Raw]:
        if not isinstance(answer, list):
            raise BcmProtocolError(f"{call} answered {shape(answer)} where a list is due")
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
        secrets = self._secrets_in(args)
        body = {"service": service, "call": call, "args": args}
        with _hiding(secrets, self._users_in(args)):
            answer = self._transport.call(body, name=name, reads=reads, read_timeout_s=read_timeout_s)
            # Before the text is cut for a message: half of a secret would not be recognised.
            return _data(replace(answer, text=blank(answer.text, secrets)), name, action)

    def _get(self, path: str) -> Answer:
        with _hiding(self._own_secrets()):
            return self._transport.get(path)

    def _secrets_in(self, args: list[Json]) -> set[str]:
        return _texts_of("password", args) | self._own_secrets()

    def _users_in(self, args: list[Json]) -> set[str]:
        return _texts_of("userName", args)

    def _own_secrets(self) -> set[str]:
        return {secret for secret in (self._transport.connection.password,) if secret}

    def _raise_if_refused(self, result: Json, name: str, action: str) -> None:
        if not isinstance(result, dict):
            raise BcmProtocolError(f"could not {action}: {name} answered {shape(result)} where a commit result is due")
        if result.get("success", result.get("result")) is False:
            raise _refusal(result, name, action)


def _data(answer: Answer, name: str, action: str) -> Json:
    """Return the data of an answer: checks the HTTP status, then `errormessage`, then `success: false` (1.4)."""
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


def complaints_of(result: Raw) -> tuple[Complaint, ...]:
    """Return the validation list of a result; what is no object in it is left out."""
    return tuple(
        Complaint(
            field=str(entry.get("field", "")),
            error_code=str(entry.get("error_code", "")),
            message=str(entry.get("message", "")),
            severity=str(entry.get("severity", "ERROR")),
            ref_entity_uuid=str(entry.get("ref_entity_uuid", "")),
        )
        for entry in result.get("validation") or []
        if isinstance(entry, dict)
    )


def refusal(complaints: Sequence[Complaint], name: str, action: str, reason: str = "") -> BcmApiError:
    """Return the error for a commit that failed; `reason` stands where the head node complained of nothing."""
    errors = [complaint for complaint in complaints if complaint.severity != "WARNING"] or list(complaints)
    reason = "; ".join(map(str, errors)) or reason or f"{name} answered success: false without a reason"
    codes = {complaint.error_code for complaint in errors}
    kind: type[BcmApiError] = BcmApiError
    if codes & CONFLICTS:
        kind = BcmConflict
    elif codes == {"KEY_NOT_FOUND"}:
        kind = BcmNotFound
    return kind(f"could not {action}: {reason}", call=name, complaints=tuple(complaints))


def _refusal(result: Raw, name: str, action: str) -> BcmApiError:
    return refusal(complaints_of(result), name, action, _in_use(result.get("changes")))


def _in_use(changes: Json) -> str:
    """Return what stands in the way of a removal: references that the head node does not change by itself (2)."""
    held = Counter(
        f"{change.get('ref_base_type')} ({change.get('parameter')})"
        for change in (changes if isinstance(changes, list) else [])
        if isinstance(change, dict) and change.get("auto_change") != "YES"
    )
    return "it is in use by " + ", ".join(f"{count} {what}" for what, count in held.items()) if held else ""


def shape(answer: Json) -> str:
    """Return the name of an answer's JSON type, such as "a list", for messages about an unexpected one."""
    return {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}.get(
        type(answer), "a number"
    )


@contextmanager
def _hiding(secrets: set[str], users: Iterable[str] = ()) -> Iterator[None]:
    """Blank these secrets, and these names where they stand alone, in the text of every BcmError raised inside."""
    try:
        yield
    except BcmError as error:
        hide(error, secrets, users)
        raise


def hide(error: BcmError, secrets: set[str], users: Iterable[str] = ()) -> None:
    """Blank these secrets, and these names where they stand alone, in the text of an error."""
    error.args = (blank_words(blank(str(error), secrets), users), *error.args[1:])


def _texts_of(key: str, value: Json) -> set[str]:
    """Return the texts behind a key, however deep."""
    return {text for text in _walk(key, value) if text}


def _walk(key: str, value: Json) -> Iterator[str]:
    children: Iterable[Json] = ()
    if isinstance(value, dict):
        text = value.get(key)
        if isinstance(text, str):
            yield text
        children = value.values()
    elif isinstance(value, list):
        children = value
    for child in children:
        yield from _walk(key, child)
