# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""inventory/netbox with the real plugin of netbox.netbox, on a real NetBox that has 1,000 servers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT
from ansible_collections.baremetal.bcm.tests.unit.child_process import run

CONTROLLER = ROOT / ".venv-controller"
TOOL = ROOT / "tests/tools/netbox"
STATES = ("offline", "discovered", "staged", "ready", "active")
# Made by NetBox's own program: by its API 3,000 ports and addresses take minutes.
FILL = f"""
from dcim.models import Device, DeviceRole, DeviceType, Interface, Manufacturer, Site
from ipam.models import IPAddress
from tenancy.models import Tenant
maker = Manufacturer.objects.create(name="Placed", slug="placed")
shelf = dict(
    device_type=DeviceType.objects.create(manufacturer=maker, model="Placed", slug="placed"),
    device_role=DeviceRole.objects.create(name="Placed server", slug="placed-server"),
    site=Site.objects.create(name="Placed", slug="placed"),
    tenant=Tenant.objects.create(name="Placed tenant", slug="placed-tenant"),
)
made = Device.objects.bulk_create(
    [Device(name=f"placed-{{n:04}}", status={STATES}[n % 5], serial=f"SN{{n}}", **shelf) for n in range(1000)]
)
for name, block, letter in (("BOOTIF", 140, "BB"), ("iLO", 147, "AA")):
    ports = Interface.objects.bulk_create(
        [
            Interface(
                device=device, name=name, type="1000base-t", mgmt_only=name == "iLO",
                mac_address=f"02:{{letter}}:00:00:{{n >> 8:02X}}:{{n & 255:02X}}",
            )
            for n, device in enumerate(made)
        ]
    )
    addresses = IPAddress.objects.bulk_create(
        [IPAddress(address=f"10.{{block}}.{{n >> 8}}.{{n & 255}}/16", assigned_object=p) for n, p in enumerate(ports)]
    )
    if name == "BOOTIF":
        for device, address in zip(made, addresses):
            device.primary_ip4 = address
        Device.objects.bulk_update(made, ["primary_ip4"])
"""
EMPTY = """
from dcim.models import Device, DeviceRole, DeviceType, Interface, Manufacturer, Site
from ipam.models import IPAddress
from tenancy.models import Tenant
ours = Device.objects.filter(device_role__slug="placed-server")
ports = Interface.objects.filter(device__in=ours)
addresses = [each.pk for each in IPAddress.objects.filter(interface__in=ports)]
ours.update(primary_ip4=None)
IPAddress.objects.filter(pk__in=addresses)._raw_delete("default")
ports._raw_delete("default")
ours._raw_delete("default")
DeviceRole.objects.filter(slug="placed-server").delete()
Tenant.objects.filter(slug="placed-tenant").delete()
for kind in (Site, DeviceType, Manufacturer):
    kind.objects.filter(slug="placed").delete()
"""
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        dest: "{{ lookup('env', 'FOUND') }}"
        content: "{{ names | zip(servers | map(attribute='address'), devices) | to_json }}"
      vars:
        names: [placed-0002, placed-0003, placed-0508]
        servers: "{{ names | map('extract', hostvars) | map('baremetal.bcm.redfish_server') }}"
        devices: "{{ names | map('extract', hostvars) | map('baremetal.bcm.desired_device') }}"
"""
Raw = dict[str, Any]


def in_netbox(program: str) -> None:
    done = run([str(TOOL), "python"], given=program, limit_s=600)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A NetBox with 1,000 servers, and what the plugin needs to know of it."""
    found = [*CONTROLLER.glob("lib/python3*/site-packages/ansible_collections/netbox")]
    missing = [] if found else ["make .venv-controller"]
    missing += [name for name in ("NETBOX_URL", "NETBOX_TOKEN") if not os.environ.get(name)]
    if missing and os.environ.get("CONTROLLER_REQUIRE_ALL") == "1":
        pytest.fail(f"missing: {missing}")
    if missing:
        pytest.skip(f"missing: {missing}")
    in_netbox(EMPTY + FILL)
    home = tmp_path_factory.mktemp("home")
    yield {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "NETBOX_API": os.environ["NETBOX_URL"],
        "HOME": str(home),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_PYTHON_INTERPRETER": str(CONTROLLER / "bin/python"),
    }
    in_netbox(EMPTY)


def tried(program: str, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(CONTROLLER / "bin" / program), "--inventory", str(ROOT / "inventory/netbox"), *options]
    return subprocess.run(
        command,
        # Ansible refuses one that does not block, as the tests' own may be.
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=600,
    )


def ansible(program: str, environment: dict[str, str], *options: str) -> str:
    ended = tried(program, environment, *options)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


class TestNetBoxInventory:
    @pytest.fixture(scope="class")
    @staticmethod
    def listed(environment: dict[str, str]) -> Raw:
        found: Raw = json.loads(ansible("ansible-inventory", environment, "--list"))
        return found

    def test_servers_are_grouped_by_state_role_and_tenant(self, listed: Raw) -> None:
        ready = [f"placed-{n:04}" for n in range(1000) if STATES[n % 5] == "ready"]
        staged = [f"placed-{n:04}" for n in range(1000) if STATES[n % 5] == "staged"]

        assert {*ready} <= {*listed["status_ready"]["hosts"]}
        assert {*staged} <= {*listed["status_staged"]["hosts"]}
        assert listed["role_placed-server"]["hosts"] == sorted([*ready, *staged])
        assert listed["tenant_placed-tenant"]["hosts"] == sorted([*ready, *staged])

    def test_those_that_are_ready_and_no_others_are_hosts_of_bcm_nodes(self, listed: Raw) -> None:
        assert listed["bcm_nodes"]["hosts"] == listed["status_ready"]["hosts"]
        assert not {*listed["bcm_nodes"]["hosts"]} & {*listed["status_staged"]["hosts"]}

    def test_no_token_is_listed(self, listed: Raw) -> None:
        assert os.environ["NETBOX_TOKEN"] not in json.dumps(listed)

    def test_roles_get_addresses_and_mac_addresses_of_servers_and_their_bmcs(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        play, found = tmp_path / "play.yml", tmp_path / "found.json"
        play.write_text(PLAY, encoding="utf-8")

        ansible("ansible-playbook", {**environment, "FOUND": str(found)}, str(play))

        bmcs = {name: (bmc, device) for name, bmc, device in json.loads(found.read_text(encoding="utf-8"))}
        assert (bmcs["placed-0002"][0], bmcs["placed-0003"][0]) == ("10.147.0.2", "10.147.0.3")
        bmc, device = bmcs["placed-0508"]
        assert bmc == "10.147.1.252"
        assert device["hostname"] == "placed-0508"
        assert device["mac"] == "02:BB:00:00:01:FC"
        ports = {port["name"]: port for port in device["interfaces"]}
        assert ports["ipmi0"]["mac"] == "02:AA:00:00:01:FC"
        assert ports["ipmi0"]["ip"] == "10.147.1.252"
        assert ports["BOOTIF"]["ip"] == "10.140.1.252"

    def test_without_netbox_ansible_ends_where_that_is_asked_for(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        asked = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
        away = {**environment, **asked, "HOME": str(tmp_path), "NETBOX_API": "http://127.0.0.1:9"}

        ended = tried("ansible-inventory", away, "--list")

        assert ended.returncode != 0
        assert "parse" in ended.stderr
