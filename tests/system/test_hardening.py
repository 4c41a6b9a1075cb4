# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook of hardening, run by the rule engine itself, with BMCs and a NetBox on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.messenger import Webhook
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.notices import finished_event
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.settings import Settings
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.state import Run
from ansible_collections.baremetal.bcm.tests.integration.support.netbox import prepare_hardening
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT
from ansible_collections.baremetal.bcm.tests.integration.support.redfish import RedfishSite, redfish_site
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.system.support.intake import RULEBOOK_BIN, Program, until

RULEBOOK = ROOT / "extensions/eda/rulebooks/hardening.yml"
pytestmark = pytest.mark.skipif(
    not (RULEBOOK_BIN / "ansible-rulebook").exists(), reason="no environment with the rule engine (.venv-rulebook)"
)
WEBHOOK_TOKEN = "demo-webhook-token"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RedfishSite]:
    with redfish_site(tmp_path, {"dgx-05": "idrac", "dgx-06": "supermicro"}) as where:
        yield where


@pytest.fixture
def lab() -> Iterator[Lab]:
    with served(FakeNetBox(NEW)) as netbox:
        lab = Lab(netbox.url, TOKEN)
        prepare_hardening(lab)
        for name in ("dgx-05", "dgx-06"):
            lab.change("dcim/devices", lab.server("staged").id, name=name)
        yield lab


def start(site: RedfishSite, lab: Lab, directory: Path, port: int) -> Program:
    """Start the rule engine with the collection's rulebook, which waits two seconds here for further notices."""
    own = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "hardening_netbox": {"url": lab.url, "token": TOKEN},
        "hardening_allow_reboot": True,
        "hardening_profile": {"controls": {"telnet": None}},
        "hardening_bundle_path": str(directory / "bundles"),
        "hardening_lock_path": str(directory / "locks"),
        "hardening_ledger_path": str(directory / "ledger"),
    }
    hosts = {name: {"hardening_bmc_address": address} for name, address in site.addresses.items()}
    inventory = {"all": {"hosts": {"localhost": {}}, "vars": own}, "bcm_nodes": {"hosts": hosts}}
    variables = {"hardening_webhook_token": WEBHOOK_TOKEN, "hardening_webhook_port": port}
    rulebook = RULEBOOK.read_text(encoding="utf-8").replace("60 seconds", "2 seconds")
    for name, text in (
        ("inventory.yml", yaml.safe_dump(inventory)),
        ("variables.yml", yaml.safe_dump(variables)),
        ("rulebook.yml", rulebook),
        ("ansible.cfg", ""),
    ):
        (directory / name).write_text(text, encoding="utf-8")
    words = [str(RULEBOOK_BIN / "ansible-rulebook"), "--rulebook", "rulebook.yml", "--inventory", "inventory.yml"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "BCM_"))},
        "PATH": f"{RULEBOOK_BIN}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "REDFISH_USERNAME": "hardener",
        "REDFISH_PASSWORD": "demo-redfish-password",
    }
    return Program([*words, "--vars", "variables.yml"], directory / "engine.log", environment)


def notify(port: int, name: str, token: str = WEBHOOK_TOKEN, *, before: str = "discovered") -> int:
    """Tell the rulebook of a device as NetBox does; gives the HTTP status, 0 where nobody listens yet."""
    snapshots = {"prechange": {"status": before}, "postchange": {"status": "staged"}}
    data = {"name": name, "status": {"value": "staged"}}
    body = {"event": "updated", "model": "device", "data": data, "snapshots": snapshots}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return 0


def tell(port: int, lab: Lab, name: str, directory: Path) -> None:
    """Tell the rulebook of a verdict as a validation server does."""
    (device,) = lab.find("dcim/devices", name=name)
    (directory / "event-token").write_text(WEBHOOK_TOKEN, encoding="ascii")
    settings = Settings(
        url="http://10.97.0.1:8080",
        data_directory=str(directory),
        event_url=f"http://127.0.0.1:{port}/",
        event_token_file=str(directory / "event-token"),
    )
    run = Run("run", device["id"], name, "S1", "02:00:00:00:00:01", b"", {}, "ipxe", "", 0.0, 0.0)
    with contextlib.closing(Webhook(settings)) as post:
        post(finished_event(run, "staged", {"verdict": "pass"}, settings.url, 0.0))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_servers_that_become_staged_are_hardened_together_and_become_ready(
    site: RedfishSite, lab: Lab, tmp_path: Path
) -> None:
    port = free_port()
    engine = start(site, lab, tmp_path, port)
    try:
        assert until(lambda: notify(port, "dgx-05", "wrong") == 401, 60), engine.said
        # Such as the claim of a run: it was staged before, and starts no further run.
        assert notify(port, "dgx-05", before="staged") == 200
        assert engine.said_within("PLAY [", 5) is False
        assert [notify(port, name) for name in ("dgx-05", "dgx-05")] == [200, 200]
        tell(port, lab, "dgx-06", tmp_path)
        assert until(lambda: states(lab) == {"dgx-05": "ready", "dgx-06": "ready"}, 180), engine.said
        assert engine.said_within("PLAY RECAP", 60)
    finally:
        engine.kill()

    assert engine.said.count("PLAY [Harden servers]") == 1
    assert {name: bmc.boots for name, bmc in site.bmcs.items()} == {"dgx-05": 1, "dgx-06": 1}
    assert "demo-redfish-password" not in engine.said


def states(lab: Lab) -> dict[str, str]:
    return {each["name"]: each["status"]["value"] for each in lab.find("dcim/devices")}
