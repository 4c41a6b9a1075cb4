# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows hardening: three BMCs of the running rack, each like another vendor's, and a NetBox that is real."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, Server, start_netbox

ROOT = Path(__file__).parents[2]
RACK = ROOT / "virtual_rack/racks/vendors.yml"
PAGES = ROOT / ".cache/demo-harden"
# The machines of the rack, and the names of the servers in NetBox.
SERVERS = {"dell-01": "demo-dell-01", "hpe-01": "demo-hpe-01", "smc-01": "demo-smc-01"}
_MOST_LINES = 13
OWN = ("hardener", "demo-own-password")
ACCOUNTS = "/redfish/v1/AccountService/Accounts"
PROFILE: dict[str, Any] = {
    "name": "demo",
    "controls": {"ntp": ["10.229.0.1", "10.229.0.2"], "syslog": ["10.229.0.3"], "telnet": None},
    "device_types": {
        "hpe": {"waivers": [{"control": "lockdown", "reason": "an iLO shows no lockdown", "expires": "2099-12-31"}]}
    },
}


def say(text: str) -> None:
    print(f"\n--- {text}\n", flush=True)


@contextmanager
def timed(what: str) -> Iterator[None]:
    print(f"{what} … ", end="", flush=True)
    begun = time.monotonic()
    yield
    print(f"{time.monotonic() - begun:.1f} s", flush=True)


def machines() -> dict[str, dict[str, Any]]:
    rack = yaml.safe_load(RACK.read_text(encoding="utf-8"))
    return {SERVERS[each["name"]]: each for each in rack["machines"] if each["name"] in SERVERS}


def address_of(machine: Mapping[str, Any]) -> str:
    return f"{machine['bmc']['address']}:{os.environ['VIRTUAL_RACK_REDFISH_PORT']}"


def make_account(machine: Mapping[str, Any]) -> None:
    """Make the site's own administrator, in a free slot where accounts are slots."""
    account = {"UserName": OWN[0], "Password": OWN[1], "RoleId": "Administrator", "Enabled": True}
    trusted = ssl.create_default_context(cafile=os.environ["BCM_CA_PATH"])
    login = (machine["bmc"]["username"], machine["bmc"]["password"])
    with httpx.Client(base_url=f"https://{address_of(machine)}", verify=trusted, auth=login, trust_env=False) as bmc:
        answer = bmc.post(ACCOUNTS, json=account)
        if answer.status_code == 405:
            answer = bmc.patch(f"{ACCOUNTS}/3", json=account)
        answer.raise_for_status()


def show_netbox(netbox: NetBoxView) -> None:
    """Print what NetBox has of the servers."""
    rows = [("SERVER", "STATE", "CERTIFICATE", "JOURNAL")]
    for name in SERVERS.values():
        told = [entry.partition("\n")[0] for entry in netbox.journal(name)]
        pinned = str(netbox.fields(name).get("bmc_certificate") or "")
        rows.append((name, netbox.state(name), f"{pinned[:12]}…" if pinned else "-", " | ".join(told) or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]]))


class Playbooks:
    """Runs the collection's playbooks on the servers."""

    def __init__(self, directory: Path, netbox: NetBoxView) -> None:
        self.inventory = directory / "servers.yml"
        hosts = {
            name: {
                "hardening_bmc_address": address_of(machine),
                "hardening_serial": machine["serial"],
                "hardening_device_type": machine["name"].rpartition("-")[0],
            }
            for name, machine in machines().items()
        }
        local = {"hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}
        variables = {
            "hardening_profile": PROFILE,
            "hardening_allow_reboot": True,
            **{f"hardening_{each}_path": str(directory / each) for each in ("bundle", "lock", "ledger")},
        }
        inventory = {"all": {**local, "vars": variables}, "bcm_nodes": {"hosts": hosts}}
        self.inventory.write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("BCM_", "NETBOX_"))},
            **netbox.environment,
            "REDFISH_USERNAME": OWN[0],
            "REDFISH_PASSWORD": OWN[1],
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        }

    def run(self, *words: str) -> str:
        """Run an Ansible command and give what it printed. Ends the demo where it fails."""
        given = ["--inventory", str(self.inventory)]
        done = subprocess.run(
            [words[0], *given, *words[1:]], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"error: {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def harden(self, *words: str, **variables: Any) -> str:
        return self.run("ansible-playbook", "playbooks/harden.yml", *words, "--extra-vars", json.dumps(variables))


def shortened(report: str) -> str:
    """Give the first lines of a report, and its sum."""
    lines = report.splitlines()
    left = len(lines) - _MOST_LINES - 1
    return report if left <= 0 else "\n".join([*lines[:_MOST_LINES], f"… and {left} more", lines[-1]])


def lines_of(output: str) -> str:
    """Give the report in what a playbook printed: the lines that are not Ansible's own."""
    report = output.partition("TASK [Report on")[2].partition("\n")[2].partition("\nok: ")[0]
    return report.strip("\n")


def show(run: Playbooks, netbox: NetBoxView) -> int:
    say("NetBox before: three servers that passed validation")
    with timed("Making the custom fields of hardening in NetBox"):
        run.run("ansible", "localhost", "-m", "baremetal.bcm.netbox_bootstrap", "-a", "hardening=true")
    show_netbox(netbox)

    say("What differs from the profile: harden.yml --check, which writes nothing")
    PAGES.mkdir(parents=True, exist_ok=True)
    before, after = PAGES / "before.html", PAGES / "after.html"
    print(shortened(lines_of(run.harden("--check", hardening_report_html=str(before)))))

    say("harden.yml: BIOS with one reboot each, settings, lockdown; then all is read again")
    with timed("It took"):
        output = run.harden(hardening_report_html=str(after))
    print(f"\n{lines_of(output)}")
    say("NetBox afterwards")
    show_netbox(netbox)

    say("Once more: nothing is left to be written")
    output = run.harden(hardening_report_path=str(PAGES / "again.json"))
    print(lines_of(output))
    again = json.loads((PAGES / "again.json").read_text(encoding="utf-8"))["servers"]
    written = sorted(name for name, server in again.items() if server.get("written") or server.get("rebooted"))
    states = {name: netbox.state(name) for name in SERVERS.values()}
    if written or set(states.values()) != {"ready"}:
        print(f"error: written to again: {written}; states: {states}", file=sys.stderr)
        return 1
    print("\nAll three servers are ready; the second run wrote nothing.")
    print(f"Servers by controls, before and after: {before.relative_to(ROOT)} and {after.name} beside it")
    return 0


def main() -> int:
    say("NetBox, with PostgreSQL and Redis, on loopback (the first time it is fetched and set up, two minutes or more)")
    with timed("Starting"):
        netbox = start_netbox()
    print(f"It runs on: {netbox.url}. tests/tools/netbox stop ends it.")
    names = list(SERVERS.values())
    netbox.remove(names)
    netbox.add([Server(name, f"02:00:00:da:00:{at:02x}", "staged") for at, name in enumerate(names)])
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-harden-")))
        stack.callback(netbox.remove, names)
        say("A rack with a Dell, an HPE and a Supermicro, whose BMCs speak Redfish over TLS")
        for name, machine in machines().items():
            make_account(machine)
            mode = machine["bmc"]["redfish"]["mode"]
            print(f"{name}: {mode} at {address_of(machine)}, with an administrator of our own")
        return show(Playbooks(directory, netbox), netbox)


if __name__ == "__main__":
    sys.exit(main())
