# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rack and the Ansible that works on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.baremetal.bcm.tests.integration.support.playbook import EXAMPLE_INVENTORY, Ansible
from ansible_collections.baremetal.bcm.tests.integration.support.rack import SPEED, Rack, RackFile, running


@dataclass(frozen=True)
class Site:
    """Where a test works."""

    rack: Rack
    ansible: Ansible
    directory: Path


@contextlib.contextmanager
def site(
    rack_file: RackFile, directory: Path, *, inventory: str = "", name: str = "inventory.yml", speed: float = SPEED
) -> Iterator[Site]:
    """Open a site for as long as the block lasts; without an inventory it is the example's."""
    directory.mkdir(parents=True, exist_ok=True)
    hosts = EXAMPLE_INVENTORY
    if inventory:
        hosts = directory / name
        hosts.write_text(inventory, encoding="utf-8")
    with running(rack_file, directory / "rack", speed=speed) as rack:
        yield Site(rack, Ansible(rack, directory / "ansible", hosts), directory)
