# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms stand in an order, and no import runs back up."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[4] / "plugins"
PACKAGE = "ansible_collections.baremetal.bcm.plugins"

HEAD_NODE = ("_head_node/api", "_head_node/entities", "_head_node/changes", "_head_node/power")
# Each room, and the rooms it may import from; within a room no import may run in a circle.
ROOMS = {
    "_values": (),
    "_https": ("_values",),
    "_validation": (),
    "_validation/parsers": ("_validation",),
    "_validation/agent": ("_validation",),
    "_validation/steps": ("_validation", "_validation/parsers"),
    "_spool": (),
    "_dhcp_tap": ("_spool",),
    "_bmc": ("_values",),
    "_redfish": ("_values", "_https", "_bmc"),
    "_head_node/api": ("_values", "_https"),
    "_head_node/entities": ("_values", "_head_node/api"),
    "_head_node/changes": ("_values", "_head_node/api", "_head_node/entities"),
    "_head_node/power": ("_values", "_bmc", "_redfish", "_head_node/api", "_head_node/entities", "_head_node/changes"),
    "_provisioning": ("_values", "_bmc", *HEAD_NODE),
    "_netbox/api": ("_values", "_https"),
    "_netbox/lifecycle": ("_values", "_netbox/api"),
    "_netbox/bmc_macs": ("_values", "_netbox/api"),
    "_validation_server": ("_values", "_https", "_spool", "_netbox/api", "_netbox/lifecycle", "_validation"),
    "_validation_run": ("_values", "_bmc", "_netbox/api", "_netbox/lifecycle"),
    "_ansible": ("_values", "_bmc", "_https", "_head_node/api", "_head_node/entities", "_redfish", "_netbox/api"),
}
REPORT_MAY_IMPORT = (
    "_values",
    "_head_node/api",
    "_head_node/entities",
    "_provisioning",
    "_redfish",
    "_validation_run",
)

# What decides and never talks: no network, no clock, no file.
PURE = (
    "_values/*",
    "_https/errors",
    "_https/json_text",
    "_https/exchange",
    "_https/retry",
    "_https/body",
    "_https/blanking",
    "_head_node/entities/*",
    "_head_node/changes/guards",
    "_head_node/changes/options",
    "_head_node/changes/plan",
    "_head_node/changes/network_checks",
    "_head_node/changes/preflight",
    "_head_node/changes/preflight_nodes",
    "_head_node/changes/prerequisites",
    "_provisioning/decide",
    "_provisioning/outcome",
    "_provisioning/result_reader",
    "_provisioning/run_figures",
    "_provisioning/node_run",
    "_provisioning/plan_file",
    "_provisioning/watch",
    "_provisioning/deadlines",
    "_provisioning/timeline",
    "_provisioning/admission",
    "_provisioning/bound",
    "_provisioning/console",
    "_netbox/lifecycle/transitions",
    "_netbox/lifecycle/reported_event",
    "_netbox/lifecycle/diagram",
    "_netbox/lifecycle/state",
    "_netbox/lifecycle/find_device",
    "_netbox/lifecycle/plan",
    "_netbox/lifecycle/results",
    "_netbox/bmc_macs/manifest",
    "_netbox/bmc_macs/rules",
    "_bmc/power",
    "_bmc/schedule",
    "_bmc/flow",
    *(
        f"_redfish/{name}"
        for name in (
            "values",
            "quirks",
            "view",
            "roles",
            "kinds",
            "adapters",
            "controls",
            "special",
            "profile",
            "plan",
            "page",
            "accounts",
            "certificate",
        )
    ),
    "_redfish/decide",
    "_redfish/errors",
    "_redfish/firmware",
    "_validation_server/boot_scripts",
    "_validation_server/events",
    "_validation_server/openapi",
    "_dhcp_tap/sighting",
    "_dhcp_tap/frame",
    "_dhcp_tap/packet",
    "_dhcp_tap/log_line",
    "_dhcp_tap/notify",
    "_dhcp_tap/rate_limit",
    "_validation/*",
    "_validation/parsers/*",
)
IMPURE = {
    *("httpx", "pyghmi", "socket", "ssl", "subprocess", "threading", "concurrent", "multiprocessing", "sqlite3"),
    *("time", "datetime", "random", "os", "pathlib", "tempfile", "logging"),
}
# The one place where time is made; everybody else takes it as an argument.
CLOCK = PLUGINS / "module_utils" / "_values" / "clock.py"
# Names that talk, in files that also hold names which do not.
TALKING = {"HeadNode", "NetBox", "known_keys", "write_entries", "find_by_mac", "find_by_name", "set_macs", "Redfish"}


def sources(folder: str) -> list[Path]:
    return sorted(path for path in (PLUGINS / folder).rglob("*.py") if path.name != "__init__.py")


def name_of(path: Path) -> str:
    return path.relative_to(PLUGINS).with_suffix("").as_posix()


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Every module a file imports, as an absolute name, with the name taken from it; type checking counts too."""
    package = [PACKAGE, *path.relative_to(PLUGINS).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def ours(path: Path) -> Iterator[tuple[Path, str]]:
    """The files of the collection that a file imports, with the name taken from each."""
    for module, name in imports_of(path):
        if module.startswith(f"{PACKAGE}."):
            target = PLUGINS.joinpath(*module[len(PACKAGE) + 1 :].split("."))
            inside = target / f"{name}.py"
            yield (inside, "") if inside.exists() else (target.with_suffix(".py"), name)


def room_of(path: Path) -> str:
    """The room of a file in module_utils, the folder itself elsewhere."""
    folder = path.relative_to(PLUGINS).parent.as_posix()
    return folder.removeprefix("module_utils/")


def top_levels_of(path: Path) -> set[str]:
    return {module.partition(".")[0] for module, _name in imports_of(path)}


ALL = sources("module_utils")
IN_PURE = [path for pattern in PURE for path in (PLUGINS / "module_utils").glob(f"{pattern}.py")]


def test_every_file_is_in_a_room() -> None:
    assert {room_of(path) for path in ALL} == set(ROOMS)


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_no_import_runs_back_up(path: Path) -> None:
    room = room_of(path)
    imported = {room_of(target) for target, _name in ours(path)}

    assert imported <= {room, *ROOMS[room]}


def test_each_room_stands_below_those_that_may_import_from_it() -> None:
    order = list(ROOMS)

    assert not [
        (room, below) for room, rooms in ROOMS.items() for below in rooms if order.index(below) > order.index(room)
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_within_a_room_no_import_runs_in_a_circle(room: str) -> None:
    files = [path for path in ALL if room_of(path) == room]
    graph = {name_of(path): {name_of(to) for to, _name in ours(path) if room_of(to) == room} for path in files}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(str(error))


@pytest.mark.parametrize("path", sources("plugin_utils/_report"), ids=name_of)
def test_a_report_imports_what_is_known_and_nothing_that_talks(path: Path) -> None:
    imported = {room_of(target) for target, _name in ours(path)}

    assert imported <= {"plugin_utils/_report", *REPORT_MAY_IMPORT}
    assert "ansible" not in top_levels_of(path)


@pytest.mark.parametrize("path", [path for path in ALL if room_of(path) != "_ansible"], ids=name_of)
def test_only_the_room_for_it_knows_ansible(path: Path) -> None:
    assert "ansible" not in top_levels_of(path)


@pytest.mark.parametrize("path", [path for path in IN_PURE if path != CLOCK], ids=name_of)
def test_what_is_pure_reaches_for_no_network_no_clock_and_no_file(path: Path) -> None:
    pure = {*IN_PURE} - {CLOCK}
    names = {name for _target, name in ours(path)}

    assert not top_levels_of(path) & IMPURE
    assert not names & TALKING
    assert {target for target, _name in ours(path) if room_of(target) == room_of(path)} <= pure


def test_every_pattern_of_what_is_pure_names_a_file() -> None:
    assert not [pattern for pattern in PURE if not list((PLUGINS / "module_utils").glob(f"{pattern}.py"))]


def test_the_tap_runs_on_a_bare_interpreter_with_netaddr_for_hints() -> None:
    known = {*sys.stdlib_module_names, "ansible_collections"}
    files = [*sources("module_utils/_dhcp_tap"), *sources("module_utils/_spool")]
    foreign = {path.stem: top_levels_of(path) - known for path in files}

    assert {stem: names for stem, names in foreign.items() if names} == {"vendor": {"netaddr"}}


def test_the_agent_of_validation_runs_on_a_bare_interpreter() -> None:
    known = {*sys.stdlib_module_names, "ansible_collections"}
    foreign = {name_of(path): top_levels_of(path) - known for path in sources("module_utils/_validation")}

    assert not {name: names for name, names in foreign.items() if names}


@pytest.mark.parametrize(
    ("package", "users"),
    [
        ("httpx", {"module_utils/_https/wire"}),
        ("httpcore", {"module_utils/_https/wire"}),
        ("pyghmi", {"module_utils/_bmc/session"}),
        ("starlette", {"module_utils/_validation_server/app"}),
        ("uvicorn", {"module_utils/_validation_server/app"}),
    ],
)
def test_a_foreign_library_has_one_importing_file(package: str, users: set[str]) -> None:
    assert {name_of(path) for path in sources(".") if package in top_levels_of(path)} == users


@pytest.mark.parametrize("path", sources("modules"), ids=lambda path: path.stem)
def test_a_module_opens_no_connection_by_itself(path: Path) -> None:
    assert not [target for target, _name in ours(path) if target.stem in ("connection", "transport")]
