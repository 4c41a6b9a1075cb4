# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures of docs/validation.md anew: boot, journal and report of one run of virtual servers.

Run as root by tests/tools/validation-pictures; takes about four minutes of two cores. Look at what came of it: no test
does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import yaml

os.environ["PATH"] += ":/usr/sbin:/sbin"

from ansible_collections.baremetal.bcm.tests.netbox.test_bmc_macs import playbook_words
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, start_netbox
from ansible_collections.baremetal.bcm.tests.system.support.validation_lab import ROOT, ValidationLab, build_image
from ansible_collections.baremetal.bcm.tests.system.support.validation_netbox import Inventory
from ansible_collections.baremetal.bcm.tests.tools.demo_intake import end_when_asked
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

IMAGES = ROOT / "docs/images"


def validate(netbox: NetBoxView, directory: Path) -> None:
    """Let the servers of the demo be validated, followed by validate.yml; leave consoles, journals and page there."""
    bench = yaml.safe_load((ROOT / "virtual_rack/benches/demo.yml").read_text(encoding="utf-8"))
    with ExitStack() as stack:
        lab = ValidationLab(bench, directory)
        inventory = Inventory(netbox, lab.spec)
        inventory.remove()
        stack.callback(inventory.remove)
        inventory.add()
        stack.callback(lab.close)
        lab.start()
        lab.carry_to(netbox)
        names = [server.name for server in lab.spec.servers]
        (directory / "inventory.yml").write_text(json.dumps({"bcm_nodes": {"hosts": {name: {} for name in names}}}))
        variables = {
            "validation_watch_only": True,
            "validation_poll_interval": 2,
            "validation_report_html": str(directory / "report.html"),
            "validation_report_path": str(directory / "report.json"),
        }
        words, process = playbook_words(
            directory, variables, "--inventory", "inventory.yml",
            url=netbox.url, token=netbox.environment["NETBOX_TOKEN"], playbook="validate",
        )  # fmt: skip
        log = stack.enter_context((directory / "validate.out").open("w"))
        with started(words, limit_s=900, stdout=log, stderr=subprocess.STDOUT, **process) as playbook:
            lab.boot_all(inventory)
            playbook.wait(timeout=120)
        for name in names:
            (directory / f"{name}.html").write_text(page_of_netbox(journal_path(netbox, name)), encoding="utf-8")


def journal_path(netbox: NetBoxView, name: str) -> str:
    (device,) = netbox.call("GET", f"dcim/devices/?name={name}")["results"]
    return f"/dcim/devices/{device['id']}/journal/"


def page_of_netbox(path: str) -> str:
    """Give a page as NetBox renders it for a person who is logged in."""
    program = f"""
from django.contrib.auth.models import User
from django.test import Client
client = Client(HTTP_HOST="localhost")
client.force_login(User.objects.get(username="tests"))
print(client.get({path!r}).content.decode())
"""
    done = subprocess.run(
        [ROOT / "tests/tools/netbox", "python"], input=program, capture_output=True, text=True, check=True
    )
    return done.stdout


def main() -> int:
    end_when_asked()
    directory = Path(sys.argv[1])
    build_image()
    netbox = start_netbox()
    validate(netbox, directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
