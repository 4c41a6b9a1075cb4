# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how long a manifest of BMC MAC addresses takes to load into a NetBox, and how many calls.

Needs NETBOX_URL and NETBOX_TOKEN of a server for tests: it creates a site with devices there, and leaves them for the
next time unless --remove is given. Makes three runs: a check, the first, and the same again. Prints a table.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import (
    DEVICES,
    INTERFACES,
    MAC_ADDRESSES,
    NetBox,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.ledger import Ledger
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.loader import LoadOptions, MacLoader
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.manifest import parse_manifest
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.rules import RowOutcome

SITE = "bmc-mac-benchmark"
PORTS = ("eth0", "eth1", "iLO")


def connect(*, read_only: bool = False) -> NetBox:
    """Open the NetBox that the environment names."""
    connection = NetBoxConnection(os.environ.get("NETBOX_URL", ""), os.environ.get("NETBOX_TOKEN", ""), timeout_s=300)
    return NetBox(NetBoxTransport(connection), read_only=read_only)


def one(netbox: NetBox, path: str, fields: dict[str, Any]) -> int:
    """Return the id of the object with this slug, which is created where there is none."""
    found = netbox.find(path, slug=fields["slug"])
    return int((found[0] if found else netbox.create(path, fields))["id"])


def serial_of(number: int) -> str:
    """Return the serial number of a device."""
    return f"BENCH{number:06d}"


def mac_of(number: int) -> str:
    """Return the MAC address of a device's BMC."""
    return f"02:BE:{number >> 24 & 255:02X}:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"


def created(made: list[Any]) -> list[Any]:
    """Return what was created. Exits where an object could not be."""
    for each in made:
        if isinstance(each, NetBoxError):
            sys.exit(f"error: {each}")
    return made


def prepare(netbox: NetBox, rows: int) -> None:
    """Make sure that there are this many devices, each with a BMC interface without a MAC address."""
    site = one(netbox, "dcim/sites/", {"name": SITE, "slug": SITE})
    maker = one(netbox, "dcim/manufacturers/", {"name": SITE, "slug": SITE})
    model = one(netbox, "dcim/device-types/", {"manufacturer": maker, "model": SITE, "slug": SITE})
    role = one(netbox, "dcim/device-roles/", {"name": SITE, "slug": SITE, "color": "9e9e9e"})
    role_field = "role" if netbox.version >= (3, 6) else "device_role"
    wanted = [serial_of(number) for number in range(rows)]
    known = {raw["serial"] for raw in netbox.find(DEVICES, site_id=site, fields="id,serial", exclude="config_context")}
    common = {"site": site, "device_type": model, role_field: role}
    new = [{"name": each.lower(), "serial": each, **common} for each in wanted if each not in known]
    ids = [raw["id"] for raw in created(netbox.create_many(DEVICES, new))]
    ports = [{"device": each, "name": name, "type": "1000base-t"} for each in ids for name in PORTS]
    created(netbox.create_many(INTERFACES, ports))
    macs = [mac_of(number) for number in range(rows)]
    if netbox.has_mac_objects:
        found = netbox.find(MAC_ADDRESSES, mac_address=macs)
        holders = {
            raw["assigned_object_id"]: {"primary_mac_address": None} for raw in found if raw["assigned_object_id"]
        }
        created(list(netbox.update_many(INTERFACES, holders).values()))
        for raw in found:
            netbox.delete(MAC_ADDRESSES, raw["id"])
    else:
        held = netbox.find(INTERFACES, mac_address=macs)
        created(list(netbox.update_many(INTERFACES, {raw["id"]: {"mac_address": None} for raw in held}).values()))


def remove(netbox: NetBox) -> None:
    """Remove what earlier runs created; the devices take their interfaces and journals with them."""
    for path in (DEVICES, "dcim/device-types/", "dcim/device-roles/", "dcim/manufacturers/", "dcim/sites/"):
        kind = {"site": SITE} if path == DEVICES else {"slug": SITE}
        for raw in netbox.find(path, **kind):
            netbox.delete(path, raw["id"])


def measure(rows: int, *, batch_size: int, parallel_batches: int) -> Iterator[tuple[str, ...]]:
    """Make the three runs; yield a row of the table for each. Exits where a row was not loaded."""
    lines = [f"{serial_of(number)},{mac_of(number)}" for number in range(rows)]
    manifest = parse_manifest("\n".join(["server_serial,server_bmc_mac", *lines]))
    for run in ("check", "first", "second"):
        netbox = connect(read_only=run == "check")
        options = LoadOptions(
            "a benchmark", batch_size=batch_size, parallel_batches=parallel_batches, check_mode=run == "check"
        )
        began = time.monotonic()
        with TemporaryDirectory() as directory, closing(Ledger(directory, netbox.url, "benchmark")) as ledger:
            say = functools.partial(print, file=sys.stderr)
            loader = MacLoader(netbox, options, ledger=ledger, now_s=time.monotonic, say=say)
            results = loader.load(manifest)
        seconds = time.monotonic() - began
        odd = [result.message for result in results if result.outcome not in (RowOutcome.SET, RowOutcome.UNCHANGED)]
        if odd:
            sys.exit(f"error: {odd[0]}")
        calls = netbox.calls
        counts = (str(calls.reads), str(calls.writes), f"{(calls.reads + calls.writes) / rows:.3f}")
        yield (str(rows), run, results[0].outcome.value, *counts, f"{seconds:.1f}", f"{rows / seconds:.0f}")
        netbox.close()


def main() -> None:
    """Print the table, each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 1000], help="sizes of manifests")
    parser.add_argument("--batch-size", type=int, default=LoadOptions.batch_size, help="rows per batch")
    parser.add_argument("--parallel-batches", type=int, default=LoadOptions.parallel_batches, help="batches at once")
    parser.add_argument("--remove", action="store_true", help="remove what it created when done")
    options = parser.parse_args()
    netbox = connect()
    print("NetBox {}.{}".format(*netbox.version), flush=True)  # noqa: T201
    row = "{:>6}  {:<6}  {:<9}  {:>5}  {:>6}  {:>9}  {:>7}  {:>6}"
    print(row.format("rows", "run", "outcome", "reads", "writes", "calls/row", "seconds", "rows/s"), flush=True)  # noqa: T201
    for rows in options.rows:
        prepare(netbox, rows)
        for values in measure(rows, batch_size=options.batch_size, parallel_batches=options.parallel_batches):
            print(row.format(*values), flush=True)  # noqa: T201
    if options.remove:
        remove(netbox)


if __name__ == "__main__":
    main()
