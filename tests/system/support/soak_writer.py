# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer of the soak: draws operations, does each by a module until it succeeds, and prints what it believes in.

Run as a program; the connection comes from the environment. It owns the nodes and categories whose names begin with its
own name, so that its model is the truth about them, whatever other writers and faults do.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.baremetal.bcm.tests.unit.plugins.running import MODULES, module_arguments

Options = dict[str, Any]

IMAGES = ("default-image", "other-image")
NODES, CATEGORIES = 12, 3
# An operation that fails is done again; every module promises that this is safe.
_TRIES = 60


class ModuleFailure(Exception):
    """A module failed, with its message."""


@dataclass
class Model:
    """What should be stored: options by name of node or category, and how much was done for it."""

    nodes: dict[str, Options] = field(default_factory=dict)
    categories: dict[str, Options] = field(default_factory=dict)
    operations: int = 0
    checks: int = 0
    failures: list[str] = field(default_factory=list)


class Writer:
    """Draws operations and keeps the model."""

    def __init__(self, name: str, number: int, seed: int) -> None:
        self.name, self._number = name, number
        self._chance = random.Random(f"{seed} {name}")
        self.model = Model()

    def work(self, operations: int) -> None:
        """Do so many operations, some of them with a check before."""
        draw = (self._category, self._one_node, self._one_node, self._one_node, self._many_nodes, self._absent_node)
        self._category()
        while self.model.operations < operations:
            self._chance.choice(draw)()

    def _do(self, module: str, options: Options) -> None:
        if self._chance.random() < 0.2:
            with contextlib.suppress(ModuleFailure):
                run_module(module, {**options, "_ansible_check_mode": True})
            self.model.checks += 1
        for _try in range(_TRIES):
            try:
                run_module(module, options)
            except ModuleFailure as failure:
                self.model.failures.append(str(failure))
            else:
                self.model.operations += 1
                return
        raise SystemExit(f"{module} {json.dumps(options)} failed {_TRIES} times: {self.model.failures[-1]}")

    def _category(self) -> None:
        name = f"{self.name}-c{self._chance.randrange(CATEGORIES)}"
        known = self.model.categories.get(name)
        in_use = name in {node["category"] for node in self.model.nodes.values()}
        if known and not in_use and self._chance.random() < 0.2:
            self._do("bcm_category", {"name": name, "state": "absent"})
            del self.model.categories[name]
            return
        options = self._some({"notes": self._word(), "kernel_parameters": self._word(), "finalize": self._script()})
        if not known:
            options["software_image"] = self._chance.choice(IMAGES)
        self._do("bcm_category", {"name": name, **options})
        self.model.categories[name] = {"notes": "", "kernel_parameters": "", "finalize": "", **(known or {}), **options}

    def _one_node(self) -> None:
        name = self._node_name()
        options = self._node(name)
        self._do("bcm_device", {"hostname": name, **options})
        self._note(name, options)

    def _many_nodes(self) -> None:
        names = sorted({self._node_name() for _each in range(4)})
        wanted = {name: self._node(name) for name in names}
        devices = [{"hostname": name, **options} for name, options in wanted.items()]
        self._do("bcm_devices", {"devices": devices, "bulk_calls": self._chance.random() < 0.5})
        for name, options in wanted.items():
            self._note(name, options)

    def _absent_node(self) -> None:
        name = self._node_name()
        self._do("bcm_device", {"hostname": name, "state": "absent"})
        self.model.nodes.pop(name, None)

    def _node(self, name: str) -> Options:
        options = self._some(
            {
                "notes": self._word(),
                "kernel_parameters": self._word(),
                "labels": sorted({self._word() for _each in range(self._chance.randrange(3))}),
                "software_image": self._chance.choice(IMAGES),
                "category": self._chance.choice(sorted(self.model.categories) or ["default"]),
            }
        )
        if name not in self.model.nodes:
            place = int(name.rpartition("-n")[2])
            options.setdefault("category", "default")
            options["mac"] = f"02:00:00:BB:{self._number:02X}:{place:02X}"
            address = f"10.141.{100 + self._number}.{place + 1}"
            boots = {"name": "BOOTIF", "type": "physical", "ip": address, "network": "internalnet", "bootable": True}
            options["interfaces"] = [boots]
        return options

    def _note(self, name: str, options: Options) -> None:
        empty: Options = {"notes": "", "kernel_parameters": "", "labels": [], "software_image": None}
        self.model.nodes[name] = {**empty, **self.model.nodes.get(name, {}), **options}

    def _some(self, options: Options) -> Options:
        return {name: value for name, value in options.items() if self._chance.random() < 0.5}

    def _node_name(self) -> str:
        return f"{self.name}-n{self._chance.randrange(NODES)}"

    def _word(self) -> str:
        return f"w{self._chance.randrange(10**6)}"

    def _script(self) -> str:
        return f"#!/bin/sh\necho {self._word()}\n"


def run_module(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Run a module in this process; returns its result. Raises ModuleFailure."""
    module = importlib.import_module(f"{MODULES}.{name}")
    said = io.StringIO()
    with module_arguments(options), contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(said.getvalue())
    if result.get("failed"):
        raise ModuleFailure(str(result["msg"]))
    return result


def main() -> None:
    """Work, and print the model as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--operations", type=int, required=True)
    given = parser.parse_args()
    writer = Writer(given.name, given.number, given.seed)
    writer.work(given.operations)
    json.dump(vars(writer.model), sys.stdout)


if __name__ == "__main__":
    main()
