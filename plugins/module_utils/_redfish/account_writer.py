# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reading and writing of the accounts of one BMC; every write is read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import roles
from .accounts import AccountChange, Accounts, accounts_of, lacking
from .errors import NotKept, RedfishApiError
from .reader import Reader
from .session import Redfish
from .values import at


def read_accounts(reader: Reader) -> Accounts:
    """Read all accounts anew. Raises RedfishError, RedfishApiError where the BMC shows none."""
    service = reader.read(roles.ACCOUNT_SERVICE, again=True)
    members = reader.read(roles.ACCOUNTS, again=True)
    if members.error:
        raise RedfishApiError(members.error)
    if not members.is_exposed or not service.resources:
        raise RedfishApiError("this BMC shows no accounts")
    body = service.resources[0].body
    collection = str(at(body, "Accounts", "@odata.id"))
    return accounts_of(collection, members.resources, body, reader.vendor)


def refuse_another_server(reader: Reader, serial: str) -> None:
    """Raise RedfishApiError where a server has another serial number than is known of it."""
    systems = reader.read(roles.SYSTEM).resources
    seen = at(systems[0].body, "SerialNumber") if systems else None
    if serial and seen != serial:
        raise RedfishApiError(f"nothing was written: its serial number is not {serial}: this is another server")


def write_accounts(
    redfish: Redfish,
    read: Callable[[], Accounts],
    changes: Iterable[AccountChange],
    *,
    note: Callable[[AccountChange], None] = lambda _change: None,
) -> Accounts:
    """Send changes one after the other, telling `note` of each that was accepted, and `read` what is there then.

    Raises RedfishError; nothing is sent after a refusal. NotKept where a BMC answers success and shows something else.
    """
    sent = []
    for change in changes:
        if change.body.get("Password"):
            redfish.hide(str(change.body["Password"]))
        _send(redfish, change)
        sent.append(change)
        note(change)
    now = read()
    lost = lacking(now, sent)
    if lost:
        raise NotKept(f"the BMC answered success and did not keep {', '.join(lost)}")
    return now


def _send(redfish: Redfish, change: AccountChange) -> None:
    if change.method == "POST":
        redfish.finish(redfish.post(change.uri, dict(change.body)))
    elif change.method == "DELETE":
        redfish.finish(redfish.delete(change.uri))
    else:
        resource = redfish.get(change.uri)
        expected = "" if change.before is None else change.username
        if at(resource.body, "UserName") != expected:
            raise RedfishApiError(f"somebody else changed the account {change.username} since it was read", status=412)
        redfish.finish(redfish.patch(resource, dict(change.body)))
