# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many random operations of several writers on a head node in trouble: nothing is lost, and nothing is invented.

`make soak` does ten times as many. SOAK_SEED repeats the operations of a run that failed; the order in which the
writers and the faults meet is the computer's.
"""

from __future__ import annotations

import json
import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT, Rack, new_rack
from ansible_collections.baremetal.bcm.tests.system.support.soak_writer import IMAGES
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

OPERATIONS = int(os.environ.get("SOAK_OPERATIONS", "200"))
SEED = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))
WRITERS = ("ada", "bea", "cyd", "dot")
_WRITER = "ansible_collections.baremetal.bcm.tests.system.support.soak_writer"
_LIMIT_S = 1500.0

WRITES = ("addDevice", "updateDevice", "removeDevice", "addCategory", "updateCategory", "removeCategory")
READS = ("getDevices", "getCategories", "getSoftwareImages", "getNetworks")
Entities = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Soaked:
    """What the writers believe in, what was stored before, and what is stored now."""

    models: dict[str, dict[str, Any]]
    before: dict[str, Entities]
    after: dict[str, Entities]
    images: dict[str, str]
    faults: int


def make_trouble(rack: Rack, chance: random.Random) -> None:
    """Let one thing go wrong, once, with whichever call comes first."""
    call = chance.choice(WRITES + READS)
    troubles: list[dict[str, Any]] = [
        {"kind": "call_fails", "call": call, "answer": chance.choice(["nothing", "half", "not_json"])},
        {"kind": "call_fails", "call": call, "answer": {"http_status": 503}},
        {"kind": "call_fails", "call": call, "answer": {"errormessage": "database is locked\n"}},
        {"kind": "lost_update", "call": chance.choice(("updateDevice", "updateCategory"))},
        {"kind": "drop_field", "field": "notes", "call": chance.choice(("updateDevice", "addDevice"))},
    ]
    if chance.random() < 0.1:
        rack.expire_logins()
        return
    fault = chance.choice(troubles)
    rack.break_something(times=1, **fault)


@contextmanager
def start_writer(
    name: str, number: int, environment: Mapping[str, str], output: Path
) -> Iterator[subprocess.Popen[str]]:
    """Start a writer, whose model is in a file when it has ended."""
    words = [sys.executable, "-m", _WRITER, "--name", name, "--number", str(number)]
    words += ["--seed", str(SEED), "--operations", str(OPERATIONS // len(WRITERS))]
    with (
        output.open("w", encoding="utf-8") as out,
        started(words, limit_s=_LIMIT_S, stdout=out, stderr=subprocess.STDOUT, env=environment) as writer,
    ):
        yield writer


@pytest.fixture(scope="class")
def soaked(open_class_site: OpenSite) -> Soaked:
    """Let the writers work beside each other, with something going wrong some ten times a second."""
    where = open_class_site(new_rack(1, images=list(IMAGES)))
    rack, chance = where.rack, random.Random(SEED)
    before = rack.head_node.everything()
    environment = {**os.environ, **rack.environment, "PYTHONPATH": str(ROOT / ".collections")}
    faults = 0
    with ExitStack() as running:
        writers = {
            name: running.enter_context(start_writer(name, number, environment, where.directory / name))
            for number, name in enumerate(WRITERS)
        }
        while any(writer.poll() is None for writer in writers.values()):
            make_trouble(rack, chance)
            faults += 1
            time.sleep(chance.uniform(0.02, 0.2))
        rack.repair()
        said = {name: (where.directory / name).read_text(encoding="utf-8") for name in writers}
        assert all(writer.returncode == 0 for writer in writers.values()), said
    images = {image["uuid"]: image["name"] for image in rack.head_node.call("cmpart", "getSoftwareImages")}
    models = {name: json.loads(text) for name, text in said.items()}
    return Soaked(models, before, rack.head_node.everything(), images, faults)


class TestSoak:
    def test_the_writers_did_what_they_were_to_do_in_spite_of_trouble(self, soaked: Soaked) -> None:
        done = {name: model["operations"] for name, model in soaked.models.items()}
        failures = sum(len(model["failures"]) for model in soaked.models.values())
        checks = sum(model["checks"] for model in soaked.models.values())
        met = (SEED, sum(done.values()), checks, soaked.faults, failures)
        logging.getLogger(__name__).info("seed %d: %d operations, %d checks, %d faults, %d operations repeated", *met)

        assert done == dict.fromkeys(WRITERS, OPERATIONS // len(WRITERS))
        assert failures
        assert checks

    def test_no_failure_is_a_traceback(self, soaked: Soaked) -> None:
        messages = [message for model in soaked.models.values() for message in model["failures"]]

        assert [message for message in messages if "Traceback" in message or "\n" in message] == []

    def test_nothing_is_lost_and_nothing_is_invented(self, soaked: Soaked) -> None:
        for kind, entities in (("devices", "nodes"), ("categories", "categories")):
            names = {name for model in soaked.models.values() for name in model[entities]}
            assert set(soaked.after[kind]) == set(soaked.before[kind]) | names, f"seed {SEED}"

    def test_what_no_writer_named_is_byte_identical(self, soaked: Soaked) -> None:
        for kind, entities in soaked.before.items():
            for name, raw in entities.items():
                assert json.dumps(soaked.after[kind][name]) == json.dumps(raw), f"seed {SEED}"

    def test_every_node_is_as_its_writer_left_it(self, soaked: Soaked) -> None:
        categories = {raw["uuid"]: name for name, raw in soaked.after["categories"].items()}
        for model in soaked.models.values():
            for name, options in model["nodes"].items():
                raw = soaked.after["devices"][name]
                proxy = raw["softwareImageProxy"]
                stored = {
                    "notes": raw["notes"],
                    "kernel_parameters": raw["kernelParameters"],
                    "labels": sorted(raw["userDefinedResources"]),
                    "software_image": soaked.images[proxy["parentSoftwareImage"]] if proxy else None,
                    "category": categories[raw["category"]],
                    "mac": raw["mac"].upper(),
                }
                (boots,) = raw["interfaces"]
                assert boots["ip"] == options["interfaces"][0]["ip"], f"seed {SEED}: {name}"
                assert stored == {key: options[key] for key in stored}, f"seed {SEED}: {name}"

    def test_every_category_is_as_its_writer_left_it(self, soaked: Soaked) -> None:
        for model in soaked.models.values():
            for name, options in model["categories"].items():
                raw = soaked.after["categories"][name]
                stored = {
                    "notes": raw["notes"],
                    "kernel_parameters": raw["kernelParameters"],
                    "finalize": raw["finalize"],
                    "software_image": soaked.images[raw["softwareImageProxy"]["parentSoftwareImage"]],
                }
                assert stored == {key: options[key] for key in stored}, f"seed {SEED}: {name}"
