# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The interface of the receiver as an OpenAPI document, and that document as a page that loads nothing. Pure."""

from __future__ import annotations

import html
import json
from typing import Any

from .._validation.messages import EVENTS, MAX_BODY_BYTES, MAX_PIECE_BYTES

_SIGNED = [
    ("X-Validation-Sequence", "The number of the request, from 1 and growing by one; 0 for the task."),
    (
        "X-Validation-Signature",
        "HMAC-SHA256 of METHOD, PATH, number and the body's SHA-256, a line each, in hexadecimal.",
    ),
]
_ANSWERS = {
    "202": "It is stored, on disk.",
    "400": "The form is wrong.",
    "401": "No such run, or not its signature.",
    "409": "Wrong sequence; `expected` is the right one.",
    "410": "The run is over, or for another server; `then` is what to do, where it is there.",
    "413": "The body is too large.",
    "503": "It could not be stored, or not be decided yet; ask again after Retry-After.",
}


def describe() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    run = _parameter("run", "path", "The run, a UUID.")
    signed = [_parameter(name, "header", about) for name, about in _SIGNED]
    step = [_parameter("step", "path", "Such as 02-memory."), _parameter("piece", "path", "From 0.")]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Receiver of validations", "version": "1"},
        "paths": {
            "/boot/ipxe": {
                "get": _operation(
                    "The boot script of a machine",
                    [
                        _parameter(name, "query", about, needed=False)
                        for name, about in (
                            ("mac", "Its MAC address."),
                            ("serial", "Its serial number."),
                            ("uuid", "Its UUID."),
                        )
                    ],
                    {"200": "A script for iPXE."},
                )
            },
            "/v1/runs/{run}": {
                "get": _operation("Which steps have a log", [run], {"200": "Paths by step.", "404": "None has."})
            },
            "/v1/runs/{run}/task": {
                "get": _operation(
                    "What the agent is to do",
                    [run, *signed],
                    {"200": "The task.", **{each: _ANSWERS[each] for each in ("401", "410", "503")}},
                )
            },
            "/v1/runs/{run}/events": {
                "post": {
                    **_operation("What happened", [run, *signed], _ANSWERS),
                    "requestBody": {
                        "required": True,
                        "description": f"At most {MAX_BODY_BYTES} bytes.",
                        "content": {"application/json": {"schema": _EVENT}},
                    },
                }
            },
            "/v1/runs/{run}/steps/{step}/log/{piece}": {
                "put": {
                    **_operation("A piece of a step's log", [run, *step, *signed], _ANSWERS),
                    "requestBody": {
                        "required": True,
                        "description": f"At most {MAX_PIECE_BYTES} bytes.",
                        "content": {"application/gzip": {}},
                    },
                }
            },
            "/v1/runs/{run}/steps/{step}/log": {
                "get": _operation("A step's log, as far as it came", [run, step[0]], {"200": "Text.", "404": "None."})
            },
            "/healthz": {
                "get": _operation(
                    "Whether the spool can be read, and how much waits in it",
                    [],
                    {"200": "`ok`, or `full` where the worker is far behind.", "503": "It can't be read."},
                )
            },
            "/metrics": {"get": _operation("Figures for Prometheus", [], {"200": "Text."})},
        },
    }


def draw_page() -> str:
    """Draw the document for people."""
    rows = []
    for path, operations in describe()["paths"].items():
        for method, operation in operations.items():
            answers = "".join(
                f"<li><b>{html.escape(code)}</b> {html.escape(answer['description'])}</li>"
                for code, answer in operation["responses"].items()
            )
            asked = "".join(
                f"<li><code>{html.escape(each['name'])}</code> ({html.escape(each['in'])}) "
                f"{html.escape(each['description'])}</li>"
                for each in operation["parameters"]
            )
            rows.append(
                f"<h2><code>{html.escape(method.upper())} {html.escape(path)}</code></h2>"
                f"<p>{html.escape(operation['summary'])}</p><ul>{asked}</ul><ul>{answers}</ul>"
            )
    document = html.escape(json.dumps(describe(), indent=1))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Receiver of validations</title>'
        "<style>body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}</style></head><body>"
        f"<h1>Receiver of validations</h1>{''.join(rows)}<h2>openapi.json</h2><pre>{document}</pre></body></html>\n"
    )


_EVENT = {
    "type": "object",
    "required": ["kind", "sequence", "uptime"],
    "properties": {
        "kind": {"enum": list(EVENTS)},
        "sequence": {"type": "integer", "minimum": 1},
        "uptime": {"type": "number", "minimum": 0},
        "step": {"type": ["string", "null"]},
        "body": {"type": "object"},
    },
}


def _parameter(name: str, place: str, about: str, *, needed: bool = True) -> dict[str, Any]:
    return {"name": name, "in": place, "required": needed, "description": about, "schema": {"type": "string"}}


def _operation(summary: str, parameters: list[dict[str, Any]], answers: dict[str, str]) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": parameters,
        "responses": {code: {"description": about} for code, about in answers.items()},
    }
