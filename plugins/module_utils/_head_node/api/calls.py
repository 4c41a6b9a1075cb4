# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sending of calls to a head node, and the line between its errors and its data (bcm-api.md 1.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..._https.blanking import blank, blank_words
from ..._values.names import shorten
from ..._values.shape import Shape, anything, list_of, type_name
from ..._values.text import cut, printable
from .answer import Answer
from .errors import BcmApiError, BcmConflict, BcmError, BcmNotFound, BcmProtocolError, CallDenied, Complaint
from .failover import NOT_ACTIVE, Link

Json = Any
Raw = dict[str, Any]

CONFLICTS = {"DUPLICATE_FIELD", "DUPLICATE_NAME"}
# Of a text of the head node in a message.
_LONGEST_TEXT = 500


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
        self, transport: Link, *, read_only: bool = False, before_write: Callable[[], None] | None = None
    ) -> None:
        self._transport = transport
        self._read_only = read_only
        self._before_write = before_write

    @property
    def address(self) -> str:
        """Return the base URL of the head node that is spoken to."""
        return self._transport.connection.url

    def confirm_leave(self) -> None:
        """Call `before_write` without writing, for long work that only reads meanwhile. Raises what that raises."""
        if self._before_write is not None:
            self._before_write()

    def close(self) -> None:
        """Close the connections; sessions on the head node are not ended."""
        self._transport.close()

    def _objects(self, service: str, call: str, shape: Shape) -> list[Raw]:
        objects: list[Raw] = self._call(service, call, [], reads=True, action=f"read {call[3:]}", shape=list_of(shape))
        return objects

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
        shape: Shape = anything,
        read_timeout_s: float | None = None,
    ) -> Json:
        """Send one call and return its data, which has this shape: nothing else of an answer gets any further."""
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
            data = _data(answer, name, action, secrets)
        require_shape(data, shape, f"could not {action}: {name}")
        return data

    def _secrets_in(self, args: list[Json]) -> set[str]:
        return _texts_of("password", args) | self._own_secrets()

    def _users_in(self, args: list[Json]) -> set[str]:
        return _texts_of("userName", args)

    def _own_secrets(self) -> set[str]:
        return {secret for secret in (self._transport.connection.password,) if secret}

    def _raise_if_refused(self, result: Json, name: str, action: str) -> None:
        if not isinstance(result, dict):
            raise BcmProtocolError(
                f"could not {action}: {name} answered {type_name(result)} where a commit result is due"
            )
        if result.get("success", result.get("result")) is False:
            raise _refusal(result, name, action, self._own_secrets())


def require_shape(data: Json, shape: Shape, what: str) -> None:
    """Raise BcmProtocolError where data does not fit; `what` answered it."""
    misfit = shape(data)
    if misfit is not None:
        raise BcmProtocolError(f"{what} answered {misfit}")


def _data(answer: Answer, name: str, action: str, secrets: set[str]) -> Json:
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
        said = blank(answer.text, secrets)[:80]
        raise BcmProtocolError(f"could not {action}: {name} answered something that is not JSON: {said!r}")
    value = answer.value
    if isinstance(value, dict) and value.get("errormessage"):
        text = _told(value["errormessage"], secrets)
        if "does not allow access" in text:
            raise CallDenied(f"could not {action}: {text}; the account's profile must allow {name}")
        raise BcmApiError(f"could not {action}: {text} ({name})", call=name)
    if isinstance(value, dict) and value.get("success", value.get("result")) is False:
        raise _refusal(value, name, action, secrets)
    return value


def _told(text: Json, secrets: Collection[str]) -> str:
    """Return a text of the head node for a message. Cut last: half of a secret would not be recognised."""
    return cut(printable(blank(str(text), secrets)), _LONGEST_TEXT)


def complaints_of(result: Raw, secrets: Collection[str] = ()) -> tuple[Complaint, ...]:
    """Return the validation list of a result, long texts cut and secrets blanked; what is no object is left out."""
    validation = result.get("validation")

    def told(entry: Raw, key: str) -> str:
        return _told(entry.get(key, ""), secrets)

    return tuple(
        Complaint(
            field=told(entry, "field"),
            error_code=told(entry, "error_code"),
            message=told(entry, "message"),
            severity=told(entry, "severity") or "ERROR",
            ref_entity_uuid=told(entry, "ref_entity_uuid"),
        )
        for entry in (validation if isinstance(validation, list) else [])
        if isinstance(entry, dict)
    )


def refusal(complaints: Sequence[Complaint], name: str, action: str, reason: str = "") -> BcmApiError:
    """Return the error for a commit that failed; `reason` stands where the head node complained of nothing."""
    errors = [complaint for complaint in complaints if complaint.severity != "WARNING"] or list(complaints)
    reason = shorten(list(map(str, errors)), separator="; ") or reason
    reason = reason or f"{name} answered success: false without a reason"
    codes = {complaint.error_code for complaint in errors}
    if NOT_ACTIVE in codes:
        reason += "; this is the passive head node: give head_node the active one, or both"
    kind: type[BcmApiError] = BcmApiError
    if codes & CONFLICTS:
        kind = BcmConflict
    elif codes == {"KEY_NOT_FOUND"}:
        kind = BcmNotFound
    return kind(f"could not {action}: {reason}", call=name, complaints=tuple(complaints))


def _refusal(result: Raw, name: str, action: str, secrets: Collection[str]) -> BcmApiError:
    return refusal(complaints_of(result, secrets), name, action, _in_use(result.get("changes"), secrets))


def _in_use(changes: Json, secrets: Collection[str]) -> str:
    """Return what stands in the way of a removal: references that the head node does not change by itself (2)."""
    held = Counter(
        _told(f"{change.get('ref_base_type')} ({change.get('parameter')})", secrets)
        for change in (changes if isinstance(changes, list) else [])
        if isinstance(change, dict) and change.get("auto_change") != "YES"
    )
    return "it is in use by " + shorten([f"{count} {what}" for what, count in held.items()]) if held else ""


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
    found: set[str] = set()
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            text = one.get(key)
            if isinstance(text, str) and text:
                found.add(text)
            one = one.values()
        elif not isinstance(one, list):
            continue
        left.extend(child for child in one if isinstance(child, (dict, list)))
    return found
