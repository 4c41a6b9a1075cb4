# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment, built for real, and in it every job template as AWX would run it, against a rack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.tests.integration.support.netbox import prepare_hardening
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.redfish import RedfishSite, redfish_site
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site, site
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.system.support.awx_job import inject, survey_defaults, write_job
from ansible_collections.baremetal.bcm.tests.tools.awx_arguments import PLACE, read
from ansible_collections.baremetal.bcm.tests.unit.extensions.controller_contract import read_definitions
from ansible_collections.baremetal.bcm.tests.unit.plugins.fake_bmc import PASSWORD, USER

TOOL = ROOT / "tests/tools/execution-environment"
DIRECTORY = Path(os.environ.get("EE_DIR", "/var/tmp/baremetal-bcm-ee"))
AWX = ROOT / ".venv-controller/lib"
TEMPLATES = read_definitions()["controller_templates"]
ON_HEAD_NODE = [each for each in TEMPLATES if "BCM head node" in each["credentials"]]
ON_SERVERS = [each for each in TEMPLATES if each not in ON_HEAD_NODE]
BCM_YML = (ROOT / "inventory/bcm.yml").read_text(encoding="utf-8")
SERVERS = {"dgx-05": "idrac", "dgx-06": "supermicro"}
# What a person would answer to the questions that have no default.
ANSWERS = {
    "bcm_target": "bcm_nodes",
    "bcm_mac_manifest_content": "server_serial,server_bmc_mac\nSN-1,02:00:00:00:00:01\n",
    "rotation_generation": "2026-11",
    "readmit_servers": "broken-1, broken-2",
    "readmit_reason": "DIMM A2 was replaced",
}
Raw = dict[str, Any]
# The type of a credential, and its inputs.
Credential = tuple[str, dict[str, str]]
CREDENTIALS_OF_BMCS: dict[str, Credential] = {
    "BMCs of nodes": ("BMCs of nodes", {"username": USER, "password": PASSWORD})
}


def require(condition: object, what: str) -> None:
    """Skip without it; `make test-system` counts that as a failure."""
    if not condition and os.environ.get("CONTROLLER_REQUIRE_ALL") == "1":
        pytest.fail(f"missing: {what}")
    if not condition:
        pytest.skip(f"missing: {what}")


def run_in_image(*command: str, limit_s: float = 600) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOOL, "run", *command], capture_output=True, text=True, check=False, timeout=limit_s)


@pytest.fixture(scope="class")
def build_log() -> str:
    """The image, built anew."""
    for program in ("buildah", "mmdebstrap"):
        require(shutil.which(program), f"Debian package {program}")
    require((ROOT / ".venv-controller/bin/ansible-builder").exists(), "make .venv-controller")
    require(os.geteuid() == 0, "root")
    begun_s = time.monotonic()
    built = subprocess.run([TOOL, "build"], capture_output=True, text=True, check=False, timeout=1200)
    assert built.returncode == 0, built.stdout + built.stderr
    return f"{built.stdout}built in {time.monotonic() - begun_s:.0f} s"


@pytest.fixture(scope="class")
def where(build_log: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert "built in" in build_log
    with site(demo_rack(devices="all"), tmp_path_factory.mktemp("site")) as opened:
        yield opened


class TestExecutionEnvironment:
    def test_it_is_built_and_its_packages_fit_together(self, build_log: str) -> None:
        checked = run_in_image("python3", "-m", "pip", "check")

        assert checked.returncode == 0, build_log + checked.stdout + checked.stderr
        assert "No broken requirements found" in checked.stdout

    def test_the_collection_and_all_that_it_needs_is_imported(self, build_log: str) -> None:
        names = [f"plugins.modules.{path.stem}" for path in (ROOT / "plugins/modules").glob("*.py")]
        names += [f"plugins.inventory.{path.stem}" for path in (ROOT / "plugins/inventory").glob("*.py")]
        program = "import importlib, httpx, netaddr, pyghmi\n"
        program += f"for name in {names}: importlib.import_module('ansible_collections.baremetal.bcm.' + name)\n"
        program += "print('imported')"

        said = run_in_image("env", "PYTHONPATH=/usr/share/ansible/collections", "python3", "-c", program)

        assert said.stdout.strip() == "imported", build_log + said.stderr

    def test_no_system_package_is_needed_that_bindep_does_not_name(self, build_log: str) -> None:
        named = [
            line for line in (ROOT / "bindep.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in "#-"
        ]
        # What an image has that was made of Python and pip alone.
        missing = run_in_image(
            "sh", "-c", "find / -xdev -name '*.so*' -path '*site-packages*' | xargs ldd | grep 'not found'"
        )

        assert named == [], build_log
        assert missing.stdout == ""

    @pytest.mark.parametrize("template", ON_HEAD_NODE, ids=lambda template: template["name"])
    def test_a_template_runs_as_it_stands_and_changes_nothing(
        self, where: Site, template: Raw, directory: Path
    ) -> None:
        where.rack.forget_calls()

        ran = run_job(template, directory, credentials_of_rack(where), BCM_YML)

        assert ran.rc == "0", ran.output
        assert "PLAY RECAP" in ran.output
        assert where.rack.mutating_calls() == []
        assert set(where.rack.power_operations().values()) == {0}

    @pytest.mark.parametrize("template", ON_SERVERS, ids=lambda template: template["name"])
    def test_a_template_of_servers_runs_as_it_stands_and_changes_neither_netbox_nor_a_bmc(
        self, build_log: str, template: Raw, directory: Path, tmp_path: Path
    ) -> None:
        assert "built in" in build_log
        with served(FakeNetBox(NEW)) as netbox, redfish_site(tmp_path, SERVERS) as bmcs:
            lab = Lab(netbox.url, TOKEN)
            prepare_hardening(lab)
            state = "discovered" if template["name"] == "Validate" else "staged"
            for name in SERVERS:
                lab.change("dcim/devices", lab.server(state).id, name=name)
            for number in (1, 2):
                lab.change("dcim/devices", lab.server("failed").id, name=f"broken-{number}", serial=f"SN-{number}")
            inventory, spool = inventory_of(bmcs, directory.name), directory / "spool.sqlite"
            with Spool(spool) as opened:
                opened.offer(Sighting(mac=lab.server().mac, ip="10.229.10.1", hostname="ilo"))
            known, written = netbox.store.snapshot(), len(netbox.writes)

            ran = run_job(template, directory, CREDENTIALS_OF_BMCS | credentials_of_netbox(lab), inventory)

            assert ran.rc == "0", ran.output
            assert "PLAY RECAP" in ran.output
            assert (netbox.store.snapshot(), len(netbox.writes)) == (known, written)
            assert [bmc.writes for bmc in bmcs.bmcs.values()] == [[], []]
            with Spool(spool) as opened:
                assert opened.stats().available == 1


class TestContract:
    def test_the_arguments_of_awx_are_those_that_the_definitions_are_held_against(self) -> None:
        found = sorted(AWX.glob("python3*/site-packages/ansible_collections/awx/awx"))
        require(found, "make .venv-controller")

        assert json.loads(PLACE.read_text(encoding="utf-8")) == read(found[0])


@dataclass(frozen=True)
class Ran:
    """What ansible-runner left of a job."""

    rc: str
    output: str


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of a job, which the image sees as /runner/NAME."""
    directory = DIRECTORY / "runner" / tmp_path.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def run_job(template: Raw, directory: Path, credentials: Mapping[str, Credential], inventory: str) -> Ran:
    """Check by a template, with the answers of its survey and with what its credentials inject."""
    name = directory.name
    environment: dict[str, str] = {}
    variables: Raw = {}
    for credential in template["credentials"]:
        made = inject(*credentials[credential], files=directory, seen_as=f"/runner/{name}")
        environment |= made.environment
        variables |= made.variables
    variables |= survey_defaults(template, **ANSWERS)
    write_job(directory, ROOT, environment, variables, inventory)
    options = ["--cmdline", "--check --diff", "--ident", "job"]
    ran = run_in_image("ansible-runner", "run", f"/runner/{name}", "-p", template["playbook"], *options)
    artifacts = directory / "artifacts/job"
    if not artifacts.exists():
        return Ran("none", ran.stdout + ran.stderr)
    return Ran(*((artifacts / file).read_text(encoding="utf-8") for file in ("rc", "stdout")))


def credentials_of_rack(where: Site) -> dict[str, Credential]:
    rack = where.rack.environment
    inputs = {
        "head_node": rack["BCM_HEAD_NODE"],
        "port": rack["BCM_PORT"],
        "ca": Path(rack["BCM_CA_PATH"]).read_text(encoding="utf-8"),
        "username": rack["BCM_USERNAME"],
        "password": rack["BCM_PASSWORD"],
    }
    return CREDENTIALS_OF_BMCS | {"BCM head node": ("BCM head node, password", inputs)}


def credentials_of_netbox(lab: Lab) -> dict[str, Credential]:
    return {"NetBox": ("NetBox", {"url": lab.url, "token": TOKEN})}


def inventory_of(bmcs: RedfishSite, name: str) -> str:
    """Give what AWX hands to a job of the hosts that it has."""
    hosts = {
        server: {"bcm_bmc_ip": "127.0.0.1", "hardening_bmc_address": address}
        for server, address in bmcs.addresses.items()
    }
    tap = {"ansible_connection": "local", "intake_spool": f"/runner/{name}/spool.sqlite"}
    # A store that has nothing yet.
    store = {"rotation_store_command": ["/bin/echo", '{"record": null}']}
    return json.dumps({"bcm_nodes": {"hosts": hosts, "vars": store}, "all": {"hosts": {"localhost": tap | store}}})
