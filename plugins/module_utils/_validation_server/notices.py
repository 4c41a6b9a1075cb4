# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What others are told of a verdict: one CloudEvents 1.0 event in JSON for each run, once NetBox has the verdict.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .state import Run

TYPE = "bm.pxe.validation.finished.v1"
CONTENT_TYPE = "application/cloudevents+json"
_TEXT = {"type": "string"}
_WORDS = {"type": "object", "additionalProperties": _TEXT}
EVENT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The end of a validation",
    "type": "object",
    "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "The same however often the event is sent."},
        "source": {"type": "string", "minLength": 1, "description": "How machines reach the validation server."},
        "type": {"const": TYPE},
        "subject": {"type": "string", "pattern": "^[0-9]+$", "description": "The id of the device in NetBox."},
        "time": {"type": "string", "format": "date-time", "description": "When NetBox had the verdict."},
        "datacontenttype": {"const": "application/json"},
        "data": {
            "type": "object",
            "required": ["name", "serial", "mac", "image", "state", "result"],
            "properties": {
                "name": {**_TEXT, "description": "The device's name."},
                "serial": {**_TEXT, "description": "Its serial number."},
                "mac": {**_TEXT, "description": "The MAC address that it booted from."},
                "image": {**_TEXT, "description": "The digest of the image, empty where it has none."},
                "state": {**_TEXT, "description": "Its state in NetBox now, empty where NetBox has it no more."},
                "result": {
                    "type": "object",
                    "description": "What the custom field validation_result has.",
                    "required": ["run", "state", "verdict", "step", "steps", "reasons", "siblings", "log"],
                    "properties": {
                        "run": {"type": "string", "format": "uuid"},
                        "state": {"const": "done"},
                        "verdict": {"enum": ["pass", "warn", "fail", "error", "not_applicable", "lost", "conflict"]},
                        "step": {
                            **_TEXT,
                            "description": "The step that it was last heard in; several, with commas, where they run "
                            "side by side.",
                        },
                        "steps": {**_WORDS, "description": "Verdicts by step."},
                        "reasons": {"type": "array", "items": _TEXT},
                        "siblings": {**_TEXT, "description": "What it was compared with."},
                        "log": {"type": "string", "format": "uri"},
                    },
                },
            },
        },
    },
}


def finished_event(run: Run, state: str, result: Mapping[str, Any], source: str, now: float) -> dict[str, Any]:
    """Make the event of a run's end. `state` is the device's in NetBox, `result` its result field."""
    time = datetime.fromtimestamp(now, tz=timezone.utc).isoformat(timespec="milliseconds")
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{source}/v1/runs/{run.run}#finished")),
        "source": source,
        "type": TYPE,
        "subject": str(run.device),
        "time": time.replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {
            "name": run.name,
            "serial": run.serial,
            "mac": run.mac,
            "image": run.image,
            "state": state,
            "result": dict(result),
        },
    }
