# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what a validation profile may say: docs/validation-reference.md, and its schema for editors beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.catalogue import STEPS, BuiltIn
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.profile import SCHEMA, SIBLINGS, STEP, THRESHOLD
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.notices import EVENT_SCHEMA

DOCS = Path(__file__).parents[2] / "docs"

_HEAD = """\
<!-- Written by `make validation-reference` from the code that reads profiles: change it there. -->
# Reference of validation

What a profile may say, and what the steps that come with the image measure. A profile is YAML; editors check it by
[its schema](validation-profile.schema.json).

"""


def texts() -> dict[Path, str]:
    """Return the files to write, with what they must hold."""
    return {
        DOCS / "validation-reference.md": _HEAD + "\n".join(_page()),
        DOCS / "validation-profile.schema.json": json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n",
        DOCS / "validation-event.schema.json": json.dumps(EVENT_SCHEMA, indent=2, ensure_ascii=False) + "\n",
    }


def _page() -> Iterator[str]:
    yield from _keys("A profile", SCHEMA["properties"])
    yield from _keys("A step of a profile", STEP["properties"])
    yield from _keys("A threshold", THRESHOLD["properties"])
    yield from _keys("Siblings", SIBLINGS["properties"])
    for step in STEPS.values():
        yield from _step(step)


def _keys(title: str, properties: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| key | takes | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for key, schema in properties.items():
        default = schema.get("default", "")
        shown = json.dumps(default) if default != "" else ""
        yield f"| `{key}` | {_takes(schema)} | {shown} | {schema.get('description', '')} |"
    yield ""


def _takes(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{word}`" for word in schema["enum"])
    wanted = schema["type"]
    return str(wanted if isinstance(wanted, str) else wanted[0])


def _step(step: BuiltIn) -> Iterator[str]:
    yield f"## `{step.name}`\n"
    yield f"{step.summary}\n"
    yield "| metric | of each | unit | taken | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for when, metrics in (("always", step.metrics), ("where the profile names it", step.more)):
        for metric in metrics:
            yield f"| `{metric.name}` | {metric.per} | {metric.unit} | {when} | {metric.summary} |"
    yield ""
    if step.options:
        yield from (line.replace("## ", "### ") for line in _keys("Options", step.options))


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
