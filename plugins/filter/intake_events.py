# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter from rows of a DHCP tap's spool to events of the lifecycle."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.transitions import Event

GivenEvent = dict[str, Any]


def intake_events(rows: Iterable[Mapping[str, Any]], networks: Sequence[str] = ()) -> list[GivenEvent]:
    """Make one event per row, with the row's receipt as its key.

    `rows` are as dhcp_spool returns them, the events as netbox_lifecycle takes them. The smallest of `networks` that an
    address is in gives the length of its prefix. Raises AnsibleFilterError for a text that is no network.
    """
    known = [_network(text) for text in networks]
    return [_event(row, known) for row in rows]


def _event(row: Mapping[str, Any], networks: Sequence[ipaddress.IPv4Network]) -> GivenEvent:
    event = {
        "event": str(Event.DHCP_ACK),
        "key": row["receipt"],
        "mac": row["mac"],
        "ip": row["ip"],
        "hostname": row["hostname"],
        "time": row["last_seen"],
    }
    address = ipaddress.IPv4Address(row["ip"])
    lengths = [network.prefixlen for network in networks if address in network]
    return {**event, "prefix_length": max(lengths)} if lengths else event


def _network(text: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError as error:
        raise AnsibleFilterError(f"{text!r} is no network such as 10.229.10.0/24: {error}") from error


class FilterModule:
    """The plugin with the filter intake_events."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"intake_events": intake_events}
