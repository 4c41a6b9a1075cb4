# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of AWX's API by which modules of awx.awx make objects: lists, associations, surveys, approvals."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Raw = dict[str, Any]

_UNIFIED = {
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
    "projects": "project",
    "inventory_sources": "inventory_source",
}
_PROMPT = "Check the Prompt on Launch setting on the Job Template to include Extra Variables."
_ENCRYPTED = "$encrypted$"


class FakeAwx:
    """An AWX in dictionaries. It refuses what it does not know, and shows no secret of a credential."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.objects: dict[str, dict[int, Raw]] = {}
        self.associations: dict[str, list[int]] = {}
        self.surveys: dict[str, Raw] = {}
        self.writes: list[str] = []
        self._count = 0
        self._lock = threading.Lock()

    def named(self, kind: str) -> dict[str, Raw]:
        return {each.get("name") or each["identifier"]: each for each in self.objects.get(kind, {}).values()}

    def answer(self, method: str, url: str, body: Raw) -> tuple[int, Any]:
        with self._lock:
            parts = urlsplit(url)
            path = parts.path.removeprefix("/api/v2/").strip("/").split("/")
            if method != "GET":
                self.writes.append(f"{method} {parts.path}")
            if len(path) == 1:
                return self._collection(method, path[0], dict(parse_qsl(parts.query)), body)
            kind, number = path[0], int(path[1])
            stored = self.objects[kind][number]
            if len(path) == 2:
                stored.update(self._hidden(kind, {**stored, **body}) if method == "PATCH" else {})
                return 200, stored
            return self._below(method, stored, path[2], body)

    def _collection(self, method: str, kind: str, query: Raw, body: Raw) -> tuple[int, Any]:
        if method == "POST":
            refusal = self._refusal(kind, body)
            return (400, refusal) if refusal else (201, self._make(kind, body))
        kinds = list(_UNIFIED) if kind == "unified_job_templates" else [kind]
        rows = [each for name in kinds for each in self.objects.get(name, {}).values()]
        rows = [each for each in rows if all(str(each.get(key)) == value for key, value in query.items())]
        return 200, {"count": len(rows), "results": rows, "next": None}

    def _refusal(self, kind: str, fields: Raw) -> Raw:
        """What AWX 24.6.1 says of answers to a survey: only forms fill in defaults, and no more may be answered."""
        if kind not in ("schedules", "workflow_job_template_nodes"):
            return {}
        spec = self.surveys.get(f"/api/v2/job_templates/{fields.get('unified_job_template')}/survey_spec", {})
        questions, given = spec.get("spec", []), fields.get("extra_data", {})
        names = [question["variable"] for question in questions]
        unknown = [name for name in given if name not in names]
        missing = [each["variable"] for each in questions if each["required"] and each["variable"] not in given]
        refusal: Raw = {}
        if missing and kind == "schedules":
            refusal["variables_needed_to_start"] = [f"'{name}' value missing" for name in missing]
        if unknown:
            refusal["extra_data"] = [f"Variables {', '.join(unknown)} are not allowed on launch. {_PROMPT}"]
        return refusal

    def _make(self, kind: str, fields: Raw) -> Raw:
        self._count += 1
        url = f"/api/v2/{kind}/{self._count}/"
        made = {"id": self._count, "url": url, "type": _UNIFIED.get(kind, kind.removesuffix("s"))}
        made["related"] = {"survey_spec": f"{url}survey_spec/"}
        made["summary_fields"] = {}
        if kind == "projects":
            # It was fetched at once.
            made["scm_revision"] = "0123456789abcdef"
        stored: Raw = {**self._hidden(kind, fields), **made}
        self.objects.setdefault(kind, {})[self._count] = stored
        return stored

    def _hidden(self, kind: str, fields: Raw) -> Raw:
        if kind != "credentials" or "inputs" not in fields:
            return fields
        secret = {
            each["id"]
            for each in self.objects["credential_types"][fields["credential_type"]]["inputs"]["fields"]
            if each.get("secret")
        }
        shown = {name: _ENCRYPTED if name in secret else value for name, value in fields["inputs"].items()}
        return {**fields, "inputs": shown}

    def _below(self, method: str, stored: Raw, what: str, body: Raw) -> tuple[int, Any]:
        place = f"{stored['url']}{what}"
        if what == "survey_spec":
            if method == "POST":
                self.surveys[place] = body
            return 200, self.surveys.get(place, {})
        if what == "create_approval_template":
            approval = self._make(
                "workflow_approval_templates", {key: body[key] for key in ("name", "description", "timeout")}
            )
            stored["unified_job_template"] = approval["id"]
            stored["related"] = {**stored["related"], "unified_job_template": approval["url"]}
            return 201, approval
        linked = self.associations.setdefault(place, [])
        if method == "POST":
            linked[:] = [each for each in linked if each != body["id"]] + (
                [] if body.get("disassociate") else [body["id"]]
            )
            return 204, None
        return 200, {"count": len(linked), "results": [{"id": each} for each in linked], "next": None}


@contextmanager
def served(awx: FakeAwx) -> Iterator[str]:
    """Serve it on loopback for as long as the block lasts; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") != f"Bearer {awx.token}":
                status, answer = 401, {"detail": "no"}
            else:
                status, answer = awx.answer(self.command, self.path, json.loads(content or b"{}") or {})
            self.send_response(status)
            self.send_header("X-API-Product-Name", "AWX")
            self.end_headers()
            if answer is not None:
                self.wfile.write(json.dumps(answer).encode())

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()
