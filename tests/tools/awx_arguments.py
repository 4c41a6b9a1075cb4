"""Write down the arguments of awx.awx that the definitions for AWX are held against: awx_arguments.py COLLECTION.

COLLECTION is the folder of awx.awx, as the package `ansible` brings it along.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parents[1] / "unit/extensions/awx_arguments.json"
MODULES = (
    *("organization", "credential_type", "execution_environment", "project", "inventory", "credential"),
    *("inventory_source", "notification_template", "job_template", "workflow_job_template", "schedule"),
    "workflow_job_template_node",
)
_KEPT = ("required", "choices", "type")


def arguments_of(source: str) -> dict[str, dict[str, Any]]:
    """Return what the argument spec of a module says of each argument, as far as it is said in so many words."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "argument_spec":
            assert isinstance(node.value, ast.Call)
            return {str(each.arg): _said(each.value) for each in node.value.keywords}
    raise LookupError("no argument_spec")


def _said(option: ast.expr) -> dict[str, Any]:
    assert isinstance(option, ast.Call)
    said = {}
    for each in option.keywords:
        try:
            said[str(each.arg)] = ast.literal_eval(each.value)
        except ValueError:
            continue
    return {key: said[key] for key in _KEPT if key in said}


def read(collection: Path) -> dict[str, Any]:
    """Return the version of the collection, and the arguments by module."""
    manifest = json.loads((collection / "MANIFEST.json").read_text(encoding="utf-8"))
    modules = {
        name: arguments_of((collection / f"plugins/modules/{name}.py").read_text(encoding="utf-8")) for name in MODULES
    }
    return {"version": manifest["collection_info"]["version"], "modules": modules}


if __name__ == "__main__":
    PLACE.write_text(json.dumps(read(Path(sys.argv[1])), indent=1, sort_keys=True) + "\n", encoding="utf-8")
