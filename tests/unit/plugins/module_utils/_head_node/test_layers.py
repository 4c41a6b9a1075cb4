# SPDX-License-Identifier: GPL-3.0-or-later
"""Lower layers never import higher ones: transport → client → entities → plan → apply → module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[5] / "plugins"
PACKAGE = "ansible_collections.baremetal.bcm.plugins"
HEAD_NODE = f"{PACKAGE}.module_utils._head_node"

BMC = f"{PACKAGE}.module_utils._bmc"

# Each file may import those of its own line and of the lines before.
LAYERS = (
    ("errors", "clock"),
    ("transport", "references"),
    ("client", "entities"),
    ("timeline", "record", "claim", "preflight", "plan"),
    ("watch", "snapshot", "power", "apply", "provision"),
    ("admission", "progress"),
    ("case", "report"),
    ("survey", "switching", "gantt"),
    ("claiming", "page"),
    ("rollout",),
    ("drive",),
)
PURE = (
    "entities",
    "plan",
    "provision",
    "claim",
    "watch",
    "timeline",
    "admission",
    "record",
    "case",
    "report",
    "page",
    "gantt",
    "progress",
    "preflight",
    "references",
)
# What a pure module must not reach for: the network, the clock, and our own way to them.
IMPURE = ("httpx", "time", "datetime", "socket", "ssl", "threading", "os", "subprocess", "random", "concurrent")


def sources(folder: str) -> list[Path]:
    return sorted((PLUGINS / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = [*path.relative_to(PLUGINS).with_suffix("").parts]
    return ".".join([PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)])


def imports_of(path: Path) -> Iterator[str]:
    """Every module a file imports, as absolute names; imports for type checking only count too."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def unit_of(module: str) -> str | None:
    """The file or package below _head_node that a module belongs to."""
    if not module.startswith(f"{HEAD_NODE}."):
        return None
    return module[len(HEAD_NODE) + 1 :].split(".", maxsplit=1)[0]


def layer_of(unit: str) -> int | None:
    return next((number for number, units in enumerate(LAYERS) if unit in units), None)


def test_every_file_of_the_client_has_a_layer() -> None:
    units = {unit_of(name_of(path)) for path in sources("module_utils/_head_node")} - {None}

    assert units == {unit for units in LAYERS for unit in units}


@pytest.mark.parametrize(
    "path", [path for path in sources("module_utils/_head_node") if unit_of(name_of(path)) is not None], ids=name_of
)
def test_a_lower_layer_imports_no_higher_one(path: Path) -> None:
    own = layer_of(unit_of(name_of(path)) or "")
    assert own is not None
    imported = {unit for unit in map(unit_of, imports_of(path)) if unit is not None}
    higher = {unit for unit in imported if (layer_of(unit) or 0) > own}

    assert not higher


@pytest.mark.parametrize("path", sources("module_utils/_head_node"), ids=name_of)
def test_the_client_knows_nothing_of_ansible(path: Path) -> None:
    assert not [module for module in imports_of(path) if module.split(".")[0] == "ansible"]
    assert not [module for module in imports_of(path) if module.startswith(f"{PACKAGE}.module_utils._ansible")]


@pytest.mark.parametrize("path", sources("module_utils/_bmc"), ids=name_of)
def test_the_bmcs_know_nothing_of_the_head_node_and_of_ansible(path: Path) -> None:
    ours = [module for module in imports_of(path) if module.startswith(f"{PACKAGE}.")]
    foreign = {module for module in ours if not f"{module}.".startswith(f"{BMC}.")}

    assert not [module for module in imports_of(path) if module.split(".")[0] in ("ansible", "httpx")]
    assert foreign <= {f"{HEAD_NODE}.errors"}


def test_only_the_transports_import_httpx() -> None:
    users = {path.relative_to(PLUGINS).as_posix() for path in sources(".") if "httpx" in set(imports_of(path))}

    assert users == {"module_utils/_head_node/transport.py", "module_utils/_netbox/transport.py"}


@pytest.mark.parametrize(
    "path", [path for path in sources("module_utils/_head_node") if unit_of(name_of(path)) in PURE], ids=name_of
)
def test_what_is_pure_reaches_for_no_network_and_no_clock(path: Path) -> None:
    imported = set(imports_of(path))

    assert not {module for module in imported if module.split(".")[0] in IMPURE}
    assert not {unit_of(module) for module in imported} & {"client", "transport", "clock", "apply", "power", "drive"}


@pytest.mark.parametrize("path", sources("modules"), ids=lambda path: path.stem)
def test_a_module_imports_no_transport(path: Path) -> None:
    assert "transport" not in {unit_of(module) for module in imports_of(path)}
