# SPDX-License-Identifier: GPL-3.0-or-later
"""Lower layers never import higher ones, pure ones reach for nothing, and a bare interpreter runs it all."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp import tap

PACKAGE = Path(str(tap.__file__)).parent
# Each file may import those of the lines before its own.
LAYERS = (
    ("sighting", "frame", "journal", "spool_file"),
    ("packet", "bpf", "doorbell", "gate", "spool"),
    ("capture", "vendor"),
    ("listener", "keeper"),
    ("webhook", "tap"),
    ("__main__",),
)
PURE = ("sighting", "frame", "packet", "journal", "doorbell", "gate")
IMPURE = {"time", "datetime", "socket", "threading", "os", "subprocess", "random", "sqlite3", "pathlib", "logging"}


def _imports(name: str) -> tuple[set[str], set[str]]:
    """Give the modules of the package that a file imports, and the top-level packages."""
    own: set[str] = set()
    other: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
            own.add(str(node.module))
        elif isinstance(node, ast.ImportFrom):
            other.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.Import):
            other |= {alias.name.partition(".")[0] for alias in node.names}
    return own, other


def test_every_file_has_its_layer() -> None:
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert {name for layer in LAYERS for name in layer} == files


@pytest.mark.parametrize("height", range(len(LAYERS)))
def test_a_layer_imports_only_lower_ones(height: int) -> None:
    lower = {name for layer in LAYERS[:height] for name in layer}
    for name in LAYERS[height]:
        assert _imports(name)[0] <= lower, name


@pytest.mark.parametrize("name", PURE)
def test_what_is_pure_reaches_for_nothing(name: str) -> None:
    own, other = _imports(name)
    assert not other & IMPURE
    assert own <= set(PURE)


@pytest.mark.parametrize("name", [name for layer in LAYERS for name in layer])
def test_only_the_standard_library_is_needed_and_netaddr_for_hints(name: str) -> None:
    foreign = _imports(name)[1] - set(sys.stdlib_module_names)
    assert foreign == ({"netaddr"} if name == "vendor" else set())
