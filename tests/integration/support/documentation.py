# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugins' documentation says."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.rack import ROOT

# Keys that Ansible itself adds or that all modules share.
COMMON = frozenset({"changed", "diff", "failed", "msg", "invocation", "warnings", "deprecations", "exception"})
# How RETURN marks a key that is not always there.
CONDITIONS = ("when", "with", "success, when")
# Keys that stand for the name of a node or category.
NAMES = ("HOSTNAME", "NAME")
Documented = Mapping[str, Any]


def module_names(prefix: str = "") -> list[str]:
    """Find the modules of the collection; `prefix` is that of their names: bcm_ or netbox_."""
    return sorted(path.stem for path in (ROOT / "plugins/modules").glob(f"{prefix}*.py"))


def section(path: Path, name: str) -> Any:
    """Read DOCUMENTATION, EXAMPLES or RETURN of a module, or of a plugin with its documentation in YAML."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yml":
        content = yaml.safe_load(text)[name]
        return yaml.safe_load(content) if isinstance(content, str) else content
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise LookupError(f"{path} has no {name}")


def returned(module: str) -> Documented:
    """Read the RETURN of a module."""
    documented: Documented = section(ROOT / f"plugins/modules/{module}.py", "RETURN")
    return documented


def undocumented(value: Mapping[str, Any], documented: Documented, where: str = "") -> Iterator[str]:
    """Name the keys of a result that its documentation does not have; names of nodes and categories are no keys."""
    any_name = next((documented[name] for name in NAMES if name in documented), None)
    for key, below in value.items():
        if not where and (key in COMMON or key.startswith("_ansible")):
            continue
        known = documented.get(key, any_name)
        if known is None:
            yield f"{where}{key}"
        elif "contains" in known:
            for each in objects(below):
                yield from undocumented(each, known["contains"], f"{where}{key}.")


def never_seen(values: Sequence[Mapping[str, Any]], documented: Documented, where: str = "") -> Iterator[str]:
    """Name the documented keys that none of the results has, unless they come on a condition only."""
    for key, known in documented.items():
        below = [value[key] for value in values if key in value]
        if key in NAMES:
            below = [each for value in values for each in value.values()]
        elif not below:
            if not known.get("returned", "success").startswith(CONDITIONS):
                yield f"{where}{key}"
            continue
        inner = [each for value in below for each in objects(value)]
        if inner:
            yield from never_seen(inner, known.get("contains", {}), f"{where}{key}.")


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Give the objects a value is or holds."""
    found = value if isinstance(value, list) else [value]
    return [each for each in found if isinstance(each, dict)]
