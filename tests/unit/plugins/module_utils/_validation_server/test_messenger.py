# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events on their way to a webhook, over HTTP."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.messenger import Refused, Webhook
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.settings import Settings, SettingsError

EVENT = {"specversion": "1.0", "id": "1", "data": {"name": "dgx-05"}}
TOKEN = "token-of-the-webhook"


class Engine(BaseHTTPRequestHandler):
    """Answers as the server's `status` says and keeps what came."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        server.came.append((self.path, self.headers["Content-Type"], self.headers["Authorization"], json.loads(body)))
        self.send_response(server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(name="engine")
def _engine() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    server.came, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=30)


def settings(url: str, directory: Path, token: str = TOKEN) -> Settings:
    path = directory / "event-token"
    path.write_text(f"{token}\n", encoding="ascii")
    return Settings(url="http://192.0.2.1", data_directory="/x", event_url=url, event_token_file=str(path))


def post(to: Settings) -> None:
    with contextlib.closing(Webhook(to)) as webhook:
        webhook(EVENT)


@pytest.mark.parametrize("path", ["", "/", "/endpoint", "/eda/validation"])
def test_an_event_is_posted_where_the_settings_say_with_its_token(engine: Any, tmp_path: Path, path: str) -> None:
    post(settings(f"http://127.0.0.1:{engine.server_port}{path}", tmp_path))

    assert engine.came == [(path or "/", "application/cloudevents+json", f"Bearer {TOKEN}", EVENT)]


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_any_other_answer_is_a_refusal_that_holds_no_secret(engine: Any, tmp_path: Path, status: int) -> None:
    engine.status = status
    with pytest.raises(Refused, match=f"could not send an event to http://127.0.0.1:.*HTTP {status}") as refused:
        post(settings(f"http://127.0.0.1:{engine.server_port}/x", tmp_path))

    assert TOKEN not in str(refused.value)
    assert len(engine.came) == 1


def test_nobody_who_listens_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"could not send an event to http://127\.0\.0\.1:9"):
        post(settings("http://127.0.0.1:9/x", tmp_path))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://eda.example.com/x", "in clear text; use https"),
        ("ftp://eda.example.com", "takes an address such as"),
        ("eda.example.com", "takes an address such as"),
    ],
)
def test_an_address_that_can_not_be_used_is_refused_at_the_start(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Webhook(settings(url, tmp_path))


def test_a_token_file_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    without = replace(settings("http://127.0.0.1:9", tmp_path), event_token_file=str(tmp_path / "no"))
    with pytest.raises(SettingsError, match="could not read event_token_file"):
        Webhook(without)
