# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in wrong places of the inventory leave by no way out of any playbook: screen, callbacks, log, files.

tests/unit/plugins/modules/test_planted_secrets.py does the same to each module, position by position.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, demo_rack, inventory_of
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

PLANT = "pl4nted-s3cret"
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
# A key of a secret that is misspelt, and text where a structure is due.
MISSPELT = {"usernme": PLANT, "passwd": PLANT, "tokn": PLANT}
LISTED = [{"name": "default", "bmc_settings": MISSPELT, "options": PLANT}, PLANT]
# These talk to nobody and would do their work, which takes minutes, on this computer.
ONLY_CHECKED = {"build_validation_image"}
SHAPES = {"misspelt": (MISSPELT, LISTED), "text": (PLANT, PLANT), "exchanged": (LISTED, MISSPELT)}


def structures() -> dict[str, str]:
    """The variables of playbooks and roles that are a dictionary or a list of anything but texts, with their type."""
    found = {}
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        for spec in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            for name, option in spec["options"].items():
                if option["type"] == "dict" or option.get("elements") in ("dict", "raw"):
                    found[name] = option["type"]
    for playbook in PLAYBOOKS:
        text = (ROOT / f"playbooks/{playbook}.yml").read_text(encoding="utf-8")
        found.update(dict.fromkeys(re.findall(r'group/baremetal\.bcm\.\w+: "{{ (\w+)', text), "dict"))
    return found


def planted(shape: str) -> dict[str, Any]:
    dictionary, listed = SHAPES[shape]
    return {name: dictionary if kind == "dict" else listed for name, kind in structures().items()}


def of_hosts(variables: dict[str, Any]) -> dict[str, Any]:
    """Those of single hosts, which are looked at only where those of the run are good."""
    names = ("bcm_interfaces", "bcm_roles", "bcm_bmc_settings")
    return {name: variables[name] for name in names}


class TestEveryPlaybook:
    @pytest.fixture(scope="class", params=PLAYBOOKS)
    @staticmethod
    def ways_out(request: pytest.FixtureRequest, open_class_site: OpenSite) -> dict[str, tuple[Run, str]]:
        """What left each run, by what was planted: the screen and all files."""
        where = open_class_site(demo_rack(devices=["dgx-05"]), inventory="{}")
        found = {}
        for shape in SHAPES:
            for extent in ("run", "hosts"):
                variables = planted(shape) if extent == "run" else of_hosts(planted(shape))
                found[f"{shape}, {extent}"] = run_with(where, request.param, f"{shape}-{extent}", variables)
        return found

    def test_nothing_that_was_planted_leaves_by_any_way(self, ways_out: dict[str, tuple[Run, str]]) -> None:
        leaks = [case for case, (run, files) in ways_out.items() if PLANT in run.output or PLANT in files]
        assert leaks == []

    def test_each_way_out_was_looked_at(self, ways_out: dict[str, tuple[Run, str]]) -> None:
        for run, files in ways_out.values():
            assert "PLAY RECAP" in run.output
            assert "=== tree/" in files
            assert "=== junit/" in files
            assert "=== ansible.log" in files
            assert "=== record" in files
            assert "UNREACHABLE" not in run.output


@pytest.mark.parametrize("playbook", ["preflight", "provision"])
def test_what_is_misspelt_is_named_and_nothing_is_changed(playbook: str, open_site: OpenSite) -> None:
    where = open_site(demo_rack(devices=["dgx-05"]), inventory="{}")

    run, _files = run_with(where, playbook, "run", {"bcm_categories": LISTED[:1], "bcm_max_nodes": "many"})
    of_host, _files = run_with(where, playbook, "hosts", {"bcm_bmc_settings": MISSPELT, "bcm_roles": "boot"})

    assert "bcm_categories[default].bmc_settings has no option 'usernme', but username" in run.failures[0]
    assert "bcm_max_nodes must be a whole number, not 'many'" in run.failures[0]
    assert "argument_spec" not in json.dumps([task.result for task in run.tasks])
    nodes = "devices[cpu-03, cpu-05, cpu-06, dgx-05, dgx-06]"
    assert f"{nodes}.bmc_settings has no option 'usernme', but username" in of_host.failures[0]
    assert f"{nodes}.roles must be a list, not a text" in of_host.failures[0]
    assert where.rack.mutating_calls() == []


def run_with(where: Site, playbook: str, name: str, variables: dict[str, Any]) -> tuple[Run, str]:
    """Run a playbook with variables in the inventory, and read everything that it left behind."""
    directory = where.directory / f"left-{name}"
    for folder in ("tree", "junit", "tmp"):
        (directory / folder).mkdir(parents=True)
    inventory = yaml.safe_load(inventory_of(demo_rack()))
    # In its right place it is a secret as well; a password is not even asked for where the inventory is not right.
    inventory["bcm_nodes"]["vars"].update({"bcm_bmc_password": PLANT, "bcm_bmc_username": PLANT, **variables})
    inventory["controller"] = {"hosts": {"localhost": {"ansible_connection": "local", **variables}}}
    file = directory / "inventory.yml"
    file.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    environment = {
        "ANSIBLE_CALLBACKS_ENABLED": "integration_record,ansible.builtin.tree,ansible.builtin.junit",
        "ANSIBLE_CALLBACK_TREE_DIR": str(directory / "tree"),
        "JUNIT_OUTPUT_DIR": str(directory / "junit"),
        "ANSIBLE_LOG_PATH": str(directory / "ansible.log"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "tmp"),
        "TMPDIR": str(directory / "tmp"),
        "NETBOX_URL": "http://127.0.0.1:9",
    }
    options = ["-vvvv", "--diff", *(["--check"] if playbook in ONLY_CHECKED else [])]
    run = where.ansible.play(playbook, *options, "--inventory", str(file), environment=environment)
    file.unlink()
    texts = "".join(f"=== {path}\n{text}\n" for path, text in read_all(directory))
    return run, texts + "=== record\n" + json.dumps([task.result for task in run.tasks])


def read_all(directory: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield path.relative_to(directory), path.read_text(encoding="utf-8", errors="replace")
