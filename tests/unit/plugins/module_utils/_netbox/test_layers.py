# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lower layers never import higher ones: transport → client → interfaces, journal → … → drive → module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[5] / "plugins" / "module_utils" / "_netbox"

# Each file may import those of its own line and of the lines before.
LAYERS = (
    ("errors", "mac_rows"),
    ("transport",),
    ("client",),
    ("interfaces", "journal", "locks"),
    ("lifecycle", "mac_rules"),
    ("occurrence", "picture", "bootstrap"),
    ("world",),
    ("target",),
    ("planning", "reading"),
    ("ledger", "writing"),
    ("drive", "mac_loader"),
)
# What decides and never talks; of the client and the interfaces these may only use what is no request.
PURE = ("mac_rows", "mac_rules", "lifecycle", "occurrence", "picture", "world", "target", "planning", "ledger")
IMPURE = ("httpx", "time", "datetime", "socket", "ssl", "threading", "os", "subprocess", "random", "uuid", "concurrent")
FILES = sorted(path for path in FOLDER.glob("*.py") if path.stem != "__init__")


def imports_of(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every module a file imports, those beside it by their stem, with the names it takes from it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module}", tuple(alias.name for alias in node.names)


def neighbours_of(path: Path) -> set[str]:
    return {name[1:] for name, _taken in imports_of(path) if name.startswith(".") and not name.startswith("..")}


def layer_of(stem: str) -> int:
    return next(number for number, stems in enumerate(LAYERS) if stem in stems)


def test_every_file_has_a_layer() -> None:
    assert {path.stem for path in FILES} == {stem for stems in LAYERS for stem in stems}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_lower_layer_imports_no_higher_one(path: Path) -> None:
    assert not {each for each in neighbours_of(path) if layer_of(each) > layer_of(path.stem)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_talking_to_netbox_takes_neither_ansible_nor_a_head_node(path: Path) -> None:
    names = {name for name, _taken in imports_of(path)}

    assert not {name for name in names if name.split(".")[0] == "ansible" or name.startswith("..")}


@pytest.mark.parametrize("path", [path for path in FILES if path.stem in PURE], ids=lambda path: path.stem)
def test_what_is_pure_reaches_for_no_network_and_no_clock(path: Path) -> None:
    imported = dict(imports_of(path))

    assert not {name for name in imported if name.split(".")[0] in IMPURE}
    assert not {".transport", ".reading", ".writing", ".drive", ".locks"} & imported.keys()
    assert "NetBox" not in imported.get(".client", ())
    assert not {"known_keys", "write_entries"} & set(imported.get(".journal", ()))
    assert not {"find_by_mac", "find_by_name", "set_macs"} & set(imported.get(".interfaces", ()))
