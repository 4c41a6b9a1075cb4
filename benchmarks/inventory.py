# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time `ansible-inventory --list` from a head node against the same hosts in a YAML file, which is the floor.

Prints seconds of both, their ratio, the calls, and the seconds from the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from racks import BIN, admin, rack

# The ratio that the inventory is held to.
MOST = 3.0


def listed(source: Path, environment: dict[str, str]) -> tuple[float, dict[str, Any]]:
    """List one source; return the seconds of the fastest of three times, and what was listed."""
    command = [str(BIN / "ansible-inventory"), "--inventory", str(source), "--list"]
    seconds = []
    for _time in range(3):
        start_s = time.monotonic()
        ended = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment})
        seconds.append(time.monotonic() - start_s)
    found: dict[str, Any] = json.loads(ended.stdout)
    return min(seconds), found


def as_yaml(listing: dict[str, Any]) -> str:
    """Write the same hosts, variables and groups as a file."""
    hosts = listing["_meta"]["hostvars"]
    groups = {name: group["hosts"] for name, group in listing.items() if "hosts" in group}
    content: dict[str, Any] = {name: {"hosts": dict.fromkeys(members)} for name, members in groups.items()}
    content["bcm_nodes"]["hosts"] = hosts
    return yaml.safe_dump(content)


def main() -> None:
    """Print one row; exit with 1 where the ratio is too large."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000, help="nodes of the head node (default 1000)")
    nodes = parser.parse_args().nodes
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        plugin = directory / "bcm.yml"
        plugin.write_text("plugin: baremetal.bcm.bcm\n", encoding="utf-8")
        with rack(nodes, directory, slots=10, speed=60, registered=True) as variables:
            plugin_s, listing = listed(plugin, variables)
            admin(variables, "DELETE", "/calls")
            kept = plugin.read_text(encoding="utf-8")
            kept += f"cache: true\ncache_plugin: ansible.builtin.jsonfile\ncache_connection: {directory}/kept\n"
            plugin.write_text(kept, encoding="utf-8")
            kept_s, _listing = listed(plugin, variables)
            calls = admin(variables, "GET", "/calls")["total"]
        floor = directory / "floor.yml"
        floor.write_text(as_yaml(listing), encoding="utf-8")
        floor_s, same = listed(floor, {})
    if same["_meta"]["hostvars"] != listing["_meta"]["hostvars"]:
        sys.exit("error: the file does not list the same hosts")
    ratio = plugin_s / floor_s
    print(  # noqa: T201
        f"{nodes:,} nodes: {plugin_s:.2f} s, from a file {floor_s:.2f} s, ratio {ratio:.2f}; "
        f"from the cache {kept_s:.2f} s; {calls} calls, one a login, to fill it and use it twice"
    )
    sys.exit(ratio > MOST)


if __name__ == "__main__":
    main()
