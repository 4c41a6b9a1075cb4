# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NetBox in memory: what it keeps, refuses and shows; as 3.2, 4.6 or 4.7 do, as far as the collection can see."""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
Version = tuple[int, int]

OLD: Version = (3, 2)
NEW: Version = (4, 6)
NEXT: Version = (4, 7)
DEVICE_STATUSES = ("offline", "active", "planned", "staged", "failed", "inventory", "decommissioning")
IP_STATUSES = ("active", "reserved", "deprecated", "dhcp", "slaac")
JOURNAL_KINDS = ("info", "success", "warning", "danger")
_DESIGNATIONS = ("primary_ip4", "primary_ip6", "oob_ip")
_PATHS = {
    "dcim/sites",
    "dcim/manufacturers",
    "dcim/device-types",
    "dcim/device-roles",
    "dcim/devices",
    "dcim/interfaces",
    "dcim/inventory-item-roles",
    "dcim/inventory-items",
    "dcim/cables",
    "ipam/ip-addresses",
    "ipam/vrfs",
    "extras/journal-entries",
    "extras/tags",
    "extras/custom-fields",
    "virtualization/cluster-types",
    "virtualization/clusters",
    "virtualization/virtual-machines",
    "virtualization/interfaces",
    "ipam/ip-ranges",
    "users/users",
    "users/permissions",
    "users/tokens",
}
# Filters by what something belongs to: an id that does not exist is refused, where other filters find nothing.
_OWNERS = {"device_id": "dcim/devices", "interface_id": "dcim/interfaces"}
_OBJECTS = ("assigned_object_id", "assigned_object_type", "changed_object_id", "changed_object_type")
CHANGES = "core/object-changes"
_SINCE: dict[str, Version] = {"dcim/mac-addresses": (4, 2), "extras/custom-field-choice-sets": (3, 6), CHANGES: (4, 1)}


class Refused(Exception):
    """What NetBox refuses with HTTP 400, by field."""

    def __init__(self, **complaints: str) -> None:
        super().__init__(str(complaints))
        self.body = {name: [text] for name, text in complaints.items()}


class Refusals(Exception):
    """What NetBox refuses of many objects, by their place in the request; how it says so depends on its version."""

    def __init__(self, by_place: dict[int, dict[str, Any]], status: int = 400) -> None:
        super().__init__(str(by_place))
        self.by_place = by_place
        self.status = status


class Forbidden(Exception):
    """The token's user may not do this."""


class Gone(Exception):
    """There is no such object or path."""


class Stale(Exception):
    """If-Match names another ETag than the object has."""


class Store:
    """All objects by path and id. Time is counted: every change is a second later than the one before."""

    def __init__(self, version: Version, *, extra_statuses: Sequence[str] = ("discovered", "ready")) -> None:
        self.version = version
        self.statuses = (*DEVICE_STATUSES, *extra_statuses)
        self.enforces_unique = version >= (4, 0)
        self.paths = _PATHS | {path for path, since in _SINCE.items() if version >= since}
        self.rows: dict[str, dict[int, Row]] = {path: {} for path in self.paths}
        self._moment = datetime(2026, 1, 1, tzinfo=UTC)
        self._last_id = 0

    @property
    def has_macs(self) -> bool:
        return self.version >= (4, 2)

    @contextmanager
    def all_or_none(self, path: str) -> Iterator[None]:
        """Undo all that the block did to the objects of a path if it fails."""
        kept = copy.deepcopy(self.rows[path])
        try:
            yield
        except (Refused, Refusals, Forbidden, Gone, Stale):
            self.rows[path] = kept
            raise

    # -- what requests do -----------------------------------------------------------------------------------------

    def create(self, path: str, fields: Mapping[str, Any]) -> int:
        """Add an object; return its id."""
        self._last_id += 1
        row: Row = {**_defaults(path), **self._accepted(path, fields), "id": self._last_id}
        self.rows[path][self._last_id] = row
        self._check(path, row, {})
        self._touch(row)
        made = self._last_id
        self._log(path, made, fields)
        return made

    def update(self, path: str, object_id: int, fields: Mapping[str, Any], if_match: str | None = None) -> None:
        """Change an object."""
        row = self._row(path, object_id)
        asked = [] if if_match in (None, "*") else [each.strip() for each in str(if_match).split(",")]
        if asked and self.version >= (4, 6) and self.etag(path, object_id) not in asked:
            raise Stale
        old = copy.deepcopy(row)
        for name, value in self._accepted(path, fields).items():
            row[name] = {**row.get(name, {}), **value} if name == "custom_fields" else value
        self._check(path, row, old)
        self._touch(row)
        self._log(path, object_id, fields)

    def delete(self, path: str, object_id: int) -> None:
        """Remove an object."""
        self._row(path, object_id)
        del self.rows[path][object_id]

    def find(self, path: str, query: Sequence[tuple[str, str]]) -> list[Row]:
        """The objects that match all filters, in the order NetBox gives them."""
        wanted: dict[str, list[str]] = {}
        for name, value in query:
            wanted.setdefault(name, []).append(value)
        if path not in self.rows:
            raise Gone
        for name, owners in _OWNERS.items():
            for value in wanted.get(name, []):
                if path != owners and int(value) not in self.rows[owners]:
                    raise Refused(**{name: f"Select a valid choice. {value} is not one of the available choices."})
        return [
            self.show(path, row["id"])
            for row in self.rows[path].values()
            if all(_fits(self, path, row, name, values) for name, values in wanted.items())
        ]

    def etag(self, path: str, object_id: int) -> str | None:
        """The ETag of an object, from NetBox 4.6 on."""
        stamp = self._row(path, object_id)["last_updated"]
        return f'W/"{stamp.replace("Z", "+00:00")}"' if self.version >= (4, 6) else None

    def choices(self, path: str, field: str) -> list[Row]:
        """Give what OPTIONS returns for a field."""
        known = {("dcim/devices", "status"): self.statuses, ("ipam/ip-addresses", "status"): IP_STATUSES}
        return [{"value": each, "display_name": each.title()} for each in known.get((path, field), ())]

    def snapshot(self) -> dict[str, dict[str, Row]]:
        """All that is kept, by name; what belongs to a device as its own."""
        rows = copy.deepcopy(self.rows)
        devices = {
            row["id"]: {**row, "addresses": {}, "macs": {}, "journal": 0} for row in rows["dcim/devices"].values()
        }
        for row in rows["dcim/interfaces"].values():
            port = self.show("dcim/interfaces", row["id"])
            devices[row["device"]]["macs"][row["name"]] = port["mac_address"]
        addresses = {}
        for row in rows["ipam/ip-addresses"].values():
            if row["assigned_object_id"]:
                port = rows["dcim/interfaces"][row["assigned_object_id"]]
                devices[port["device"]]["addresses"][row["address"]] = port["name"]
            else:
                addresses[row["address"]] = row
        for row in rows["extras/journal-entries"].values():
            devices[row["assigned_object_id"]]["journal"] += 1
        named = {
            path: {row["name"]: row for row in rows.get(path, {}).values()}
            for path in ("extras/tags", "extras/custom-fields", "extras/custom-field-choice-sets")
        }
        return {"devices": {row["name"]: row for row in devices.values()}, "addresses": addresses, **named}

    # -- how objects are shown ------------------------------------------------------------------------------------

    def show(self, path: str, object_id: int) -> Row:
        """An object as the API shows it."""
        row = copy.deepcopy(self._row(path, object_id))
        shape = {
            "dcim/devices": self._show_device,
            "dcim/interfaces": self._show_interface,
            "dcim/inventory-items": self._show_item,
            "dcim/mac-addresses": self._show_mac,
            "virtualization/interfaces": self._show_vm_interface,
            "ipam/ip-addresses": self._show_address,
            "extras/custom-fields": self._show_custom_field,
            "users/tokens": self._show_token,
        }.get(path)
        shown = shape(row) if shape else row
        return {"display": row.get("name") or row.get("address") or f"{path} {object_id}", **shown}

    def _show_device(self, row: Row) -> Row:
        known = {field["name"] for field in self.rows["extras/custom-fields"].values()}
        row["status"] = {"value": row["status"], "label": row["status"].title()}
        kind = self.rows["dcim/device-types"].get(row.get("device_type") or 0)
        row["device_type"] = {"id": kind["id"], "slug": kind["slug"]} if kind else None
        row["custom_fields"] = {name: row["custom_fields"].get(name) for name in sorted(known)}
        for name in _DESIGNATIONS:
            address = self.rows["ipam/ip-addresses"].get(row.get(name) or 0)
            row[name] = {"id": address["id"], "address": address["address"]} if address else None
        if self.version < (4, 0):
            del row["oob_ip"]
        return row

    def _show_interface(self, row: Row) -> Row:
        device = self._row("dcim/devices", row["device"])
        row["device"] = {"id": device["id"], "name": device["name"], "display": device["name"]}
        row["type"] = {"value": row["type"], "label": row["type"].title()} if row.get("type") else None
        self._show_cable(row)
        if self.has_macs:
            macs = [mac for mac in self.rows["dcim/mac-addresses"].values() if mac["assigned_object_id"] == row["id"]]
            row["mac_addresses"] = [{"id": mac["id"], "mac_address": mac["mac_address"]} for mac in macs]
            primary = next((mac for mac in macs if mac["id"] == row["primary_mac_address"]), None)
            row["mac_address"] = primary["mac_address"] if primary else None
        return row

    def _show_cable(self, row: Row) -> None:
        """What a cable leads to; a list from NetBox 3.3 on."""
        found = None
        for cable in self.rows["dcim/cables"].values():
            ends = _ends_of(cable)
            if row["id"] in ends:
                far = self.rows["dcim/interfaces"][ends[1 - ends.index(row["id"])]]
                device = self._row("dcim/devices", far["device"])
                where = {"id": device["id"], "name": device["name"]}
                found = (cable["id"], {"id": far["id"], "name": far["name"], "device": where})
        row["cable"] = {"id": found[0]} if found else None
        if self.version >= (3, 3):
            row["connected_endpoints"] = [found[1]] if found else None
        else:
            row["connected_endpoint"] = found[1] if found else None

    def _show_item(self, row: Row) -> Row:
        device = self._row("dcim/devices", row["device"])
        role = self.rows["dcim/inventory-item-roles"].get(row.get("role") or 0)
        row["role"] = {"id": role["id"], "slug": role["slug"]} if role else None
        return {**row, "device": {"id": device["id"], "name": device["name"]}}

    def _show_mac(self, row: Row) -> Row:
        paths = {"dcim.interface": "dcim/interfaces", "virtualization.vminterface": "virtualization/interfaces"}
        path = paths.get(row["assigned_object_type"])
        return {**row, "assigned_object": self.show(path, row["assigned_object_id"]) if path else None}

    def _show_vm_interface(self, row: Row) -> Row:
        machine = self._row("virtualization/virtual-machines", row["virtual_machine"])
        row["virtual_machine"] = {"id": machine["id"], "name": machine["name"], "display": machine["name"]}
        return row

    def _show_address(self, row: Row) -> Row:
        row["status"] = {"value": row["status"], "label": row["status"].upper()}
        row["role"] = {"value": row["role"], "label": row["role"].title()} if row["role"] else None
        row["assigned_object"] = None
        if row["assigned_object_type"] == "dcim.interface":
            interface = self.show("dcim/interfaces", row["assigned_object_id"])
            row["assigned_object"] = {key: interface[key] for key in ("id", "name", "device")}
        elif row["assigned_object_type"]:
            row["assigned_object"] = {"id": row["assigned_object_id"], "display": "something else"}
        row["tags"] = [{"name": tag} for tag in row["tags"]]
        return row

    def _show_custom_field(self, row: Row) -> Row:
        row["type"] = {"value": row["type"], "label": row["type"].title()}
        if row.get("choice_set"):
            row["choice_set"] = self.show("extras/custom-field-choice-sets", row["choice_set"])
        return row

    def _show_token(self, row: Row) -> Row:
        # Tokens of two forms came with 4.5.
        token = row.pop("token")
        return {**row, "key": None, "token": token} if self.version >= (4, 5) else {**row, "key": token}

    # -- what is accepted -----------------------------------------------------------------------------------------

    def _accepted(self, path: str, fields: Mapping[str, Any]) -> Row:
        """Fields in the form they are kept; those that are read-only are ignored without a word."""
        ignored = {"id", "last_updated", "changelog_message"}
        if path == "dcim/interfaces" and self.has_macs:
            ignored |= {"mac_address"}
        kept = {name: value for name, value in fields.items() if name not in ignored}
        if kept.get("mac_address"):
            kept["mac_address"] = kept["mac_address"].upper()
        if path == "ipam/ip-addresses" and "tags" in kept:
            kept["tags"] = [self._tag(tag) for tag in kept["tags"]]
        if path == "users/tokens":
            kept["token"] = f"{self._last_id:040x}"
        for name in ("color", "slug"):
            if isinstance(kept.get(name), str):
                kept[name] = kept[name].lower()
        return kept

    def _tag(self, wanted: Mapping[str, str]) -> str:
        for tag in self.rows["extras/tags"].values():
            if all(tag.get(key) == value for key, value in wanted.items()):
                return str(tag["name"])
        raise Refused(tags=f"Related object not found using the provided attributes: {dict(wanted)}")

    def _check(self, path: str, row: Row, old: Row) -> None:
        checks: dict[str, Callable[[Row, Row], None]] = {
            "dcim/devices": self._check_device,
            "dcim/interfaces": self._check_interface,
            "ipam/ip-addresses": self._check_address,
            "dcim/mac-addresses": self._check_mac,
            "extras/journal-entries": self._check_entry,
            "extras/custom-fields": self._check_custom_field,
            "dcim/cables": self._check_cable,
        }
        if path in checks:
            checks[path](row, old)
        if path in ("extras/tags", "extras/custom-fields", "ipam/vrfs"):
            same = [each for each in self.rows[path].values() if each["name"] == row["name"]]
            if len(same) > 1 and path != "ipam/vrfs":
                raise Refused(name=f"{path} with this name already exists.")

    def _check_device(self, row: Row, old: Row) -> None:
        if row["status"] not in self.statuses:
            raise Refused(status=f"{row['status']} is not a valid choice.")
        fields = {field["name"]: field for field in self.rows["extras/custom-fields"].values()}
        for name, value in row["custom_fields"].items():
            if name not in fields:
                raise Refused(custom_fields=f"Custom field '{name}' does not exist for this object type.")
            if fields[name]["type"] != "select":
                continue
            allowed = self.choices_of(fields[name])
            if value is not None and value not in allowed:
                raise Refused(__all__=f"Invalid value for custom field '{name}': Invalid choice ({value}).")
        for name in _DESIGNATIONS:
            address = self.rows["ipam/ip-addresses"].get(row.get(name) or 0)
            if row.get(name) and row.get(name) != old.get(name) and (not address or self._holder(address) != row["id"]):
                raise Refused(**{name: "The specified IP address is not assigned to this device."})

    def choices_of(self, field: Row) -> list[str]:
        """The values of a custom field, wherever this version keeps them."""
        if self.version < (3, 6):
            return list(field.get("choices") or [])
        choice_set = self.rows["extras/custom-field-choice-sets"][field["choice_set"]]
        return [value for value, _label in choice_set["extra_choices"]]

    def _check_interface(self, row: Row, old: Row) -> None:
        self._row("dcim/devices", row["device"])
        mac = row.get("primary_mac_address")
        if self.has_macs and mac and self._row("dcim/mac-addresses", mac)["assigned_object_id"] != row["id"]:
            raise Refused(primary_mac_address="MAC address is not assigned to this interface.")

    def _check_cable(self, row: Row, old: Row) -> None:
        for each in self.rows["dcim/cables"].values():
            if each is not row and set(_ends_of(each)) & set(_ends_of(row)):
                raise Refused(__all__="Duplicate termination found: an interface has a cable already.")

    def _check_mac(self, row: Row, old: Row) -> None:
        for interface in self.rows["dcim/interfaces"].values():
            if interface["primary_mac_address"] == row["id"] and row["assigned_object_id"] != interface["id"]:
                raise Refused(__all__="Cannot reassign MAC Address while it is designated as the primary MAC")

    def _check_address(self, row: Row, old: Row) -> None:
        if row["status"] not in IP_STATUSES:
            raise Refused(status=f"{row['status']} is not a valid choice.")
        address = ipaddress.ip_interface(row["address"])
        row["address"] = str(address)
        network = address.network
        edges = (network.network_address, network.broadcast_address) if network.prefixlen < 31 else ()
        # NetBox 3.2 looks at this in its forms only.
        if self.version >= (4, 0) and row["assigned_object_id"] and address.version == 4 and address.ip in edges:
            raise Refused(__all__=f"{address.ip} is a network ID, which may not be assigned to an interface.")
        same = [
            each
            for each in self.rows["ipam/ip-addresses"].values()
            if ipaddress.ip_interface(each["address"]).ip == address.ip
            and each["vrf"] == row["vrf"]
            and each is not row
        ]
        if same and self.enforces_unique:
            raise Refused(address=f"Duplicate IP address found in global table: {same[0]['address']}")
        if not old:
            self._check_ranges(row, address)
        if old and old["assigned_object_id"] and self._holder(old) != self._holder(row):
            device = self.rows["dcim/devices"].get(self._holder(old) or 0, {})
            if row["id"] in [device.get(name) for name in _DESIGNATIONS]:
                raise Refused(__all__="Cannot reassign IP address while it is designated as the primary IP")

    def _check_ranges(self, row: Row, address: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> None:
        for each in self.rows["ipam/ip-ranges"].values():
            first, last = (ipaddress.ip_interface(each[name]).ip for name in ("start_address", "end_address"))
            is_inside = first.version == address.version and int(first) <= int(address.ip) <= int(last)
            if each["mark_populated"] and each["vrf"] == row["vrf"] and is_inside:
                inside = f"{each['start_address']}-{each['end_address']}"
                raise Refused(address=f"Cannot create IP address {address} inside range {inside}.")

    def _check_entry(self, row: Row, old: Row) -> None:
        if row["kind"] not in JOURNAL_KINDS:
            raise Refused(kind=f"{row['kind']} is not a valid choice.")
        self._row("dcim/devices", row["assigned_object_id"])

    def _check_custom_field(self, row: Row, old: Row) -> None:
        types = "object_types" if self.version >= (4, 0) else "content_types"
        if not row.get(types):
            raise Refused(**{types: "This field is required."})
        holder = "choice_set" if self.version >= (3, 6) else "choices"
        if row["type"] == "select" and not row.get(holder):
            raise Refused(**{holder: "Selection fields must specify a set of choices."})

    def _holder(self, address: Row) -> int | None:
        """The device that an address is assigned to."""
        if address["assigned_object_type"] != "dcim.interface":
            return None
        return int(self._row("dcim/interfaces", address["assigned_object_id"])["device"])

    def _row(self, path: str, object_id: int) -> Row:
        try:
            return self.rows[path][object_id]
        except KeyError:
            raise Gone from None

    def _log(self, path: str, object_id: int, fields: Mapping[str, Any]) -> None:
        """Keep the message that came with a change, where this version has such messages."""
        if "changelog_message" in fields and self.version >= (4, 4):
            self._last_id += 1
            kind = path.replace("/", ".").removesuffix("s")
            change = {
                "changed_object_id": object_id,
                "changed_object_type": kind,
                "message": fields["changelog_message"],
            }
            self.rows[CHANGES][self._last_id] = {"id": self._last_id, **change}

    def _touch(self, row: Row) -> None:
        self._moment += timedelta(seconds=1, microseconds=17)
        row["last_updated"] = self._moment.isoformat().replace("+00:00", "Z")


def _defaults(path: str) -> Row:
    known: dict[str, Row] = {
        "dcim/devices": {"custom_fields": {}, "serial": "", **dict.fromkeys(_DESIGNATIONS)},
        "dcim/interfaces": {"mac_address": None, "primary_mac_address": None, "mgmt_only": False, "description": ""},
        "dcim/inventory-items": {"serial": "", "role": None},
        "dcim/mac-addresses": {"assigned_object_type": None, "assigned_object_id": None},
        "ipam/ip-addresses": {
            "status": "active",
            "role": None,
            "vrf": None,
            "assigned_object_type": None,
            "assigned_object_id": None,
            "tags": [],
        },
        "extras/custom-fields": {"label": "", "required": False},
        "ipam/ip-ranges": {"vrf": None, "mark_populated": False},
        "users/permissions": {"constraints": None, "users": []},
        "users/tokens": {"token": None},
    }
    return copy.deepcopy(known.get(path, {}))


def _ends_of(cable: Row) -> list[int]:
    """The two interfaces of a cable, in the form of any version."""
    if "termination_a_id" in cable:
        return [cable["termination_a_id"], cable["termination_b_id"]]
    return [end["object_id"] for side in ("a_terminations", "b_terminations") for end in cable[side]]


def _fits(store: Store, path: str, row: Row, name: str, values: Sequence[str]) -> bool:
    """Whether a row passes a filter. One that NetBox does not know lets everything pass, as there."""
    lower = [value.lower() for value in values]
    if path == "ipam/ip-addresses" and name in ("address", "parent", "interface_id", "vrf_id"):
        return _fits_address(row, name, values)
    if path == "dcim/interfaces" and name == "mac_address" and store.has_macs:
        macs = [mac for mac in store.rows["dcim/mac-addresses"].values() if mac["assigned_object_id"] == row["id"]]
        return any(mac["mac_address"].lower() in lower for mac in macs)
    if name == "q":
        return any(value in str(row.get("comments", "")).lower() for value in lower)
    # Fields that are called otherwise in filters, and those that are compared as they are, in any case.
    fields = {"device_id": "device", "name__ie": "name"}
    plain = (
        "id",
        "changed_object_id",
        "changed_object_type",
        "assigned_object_id",
        "assigned_object_type",
        "name",
        "slug",
        "serial",
        "mac_address",
    )
    if path == "dcim/devices" and name == "status":
        return row["status"] in lower
    if path == "dcim/devices" and name.startswith("cf_"):
        return str(row["custom_fields"].get(name[3:])).lower() in lower
    field = fields.get(name) or (name if name in plain else "")
    return not field or str(row.get(field)).lower() in lower


def _fits_address(row: Row, name: str, values: Sequence[str]) -> bool:
    address = ipaddress.ip_interface(row["address"])
    if name == "address":
        return str(address.ip) in values or str(address) in values
    if name == "parent":
        return any(address.ip in ipaddress.ip_network(value) for value in values)
    if name == "vrf_id":
        return ("null" if row["vrf"] is None else str(row["vrf"])) in values
    return row["assigned_object_type"] == "dcim.interface" and str(row["assigned_object_id"]) in values
