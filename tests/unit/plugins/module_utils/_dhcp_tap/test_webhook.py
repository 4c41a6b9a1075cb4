# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.webhook import (
    Webhook,
    WebhookConfigError,
    read_token,
    webhook_post,
)

_PATIENCE_S = 60


@dataclass
class Engine:
    """A rule engine's end, in time that stands still."""

    now_s: float = 0.0
    failures: int = 0
    got: list[object] = field(default_factory=list)

    def post(self, body: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError(111, "Connection refused")
        self.got.append(json.loads(body))

    def webhook(self) -> Webhook:
        return Webhook(self.post, lambda: self.now_s)


def test_without_a_notification_there_is_nothing_to_wait_for() -> None:
    assert Engine().webhook().step() is None


def test_a_notification_is_delivered_once() -> None:
    engine = Engine()
    webhook = engine.webhook()
    webhook.notify({"waiting": 1})
    webhook.step()
    assert webhook.step() is None
    assert engine.got == [{"waiting": 1}]


def test_while_the_rule_engine_is_away_it_is_tried_with_growing_pauses_for_as_long_as_it_takes() -> None:
    engine = Engine(failures=10)
    webhook = engine.webhook()
    webhook.notify({"waiting": 1})
    pauses = []
    while not engine.got:
        pause_s = webhook.step()
        assert pause_s is not None
        assert webhook.step() == pause_s or engine.got, "nothing is posted before its time"
        pauses.append(pause_s)
        engine.now_s += pause_s
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 0]


def test_the_newest_notification_replaces_one_that_was_not_delivered() -> None:
    engine = Engine(failures=1)
    webhook = engine.webhook()
    webhook.notify({"waiting": 1})
    webhook.step()
    webhook.notify({"waiting": 2})
    engine.now_s += 1
    webhook.step()
    assert engine.got == [{"waiting": 2}]
    assert webhook.replaced == 1


def test_a_notification_during_a_delivery_is_delivered_after_it() -> None:
    engine = Engine()

    def post(body: bytes) -> None:
        engine.post(body)
        if len(engine.got) == 1:
            webhook.notify({"waiting": 2})

    webhook = Webhook(post, lambda: engine.now_s)
    webhook.notify({"waiting": 1})
    webhook.step()
    webhook.step()
    assert engine.got == [{"waiting": 1}, {"waiting": 2}]


class _Server(HTTPServer):
    status = 200
    requests: queue.Queue[tuple[str, str | None, object]]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.put((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(name="server")
def _server() -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.requests = queue.Queue()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join(_PATIENCE_S)
    server.server_close()


def _url(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/endpoint?site=a"


def test_a_notification_is_posted_as_json_with_the_token(server: _Server) -> None:
    webhook = Webhook(webhook_post(_url(server), token="s3cret"))
    thread = threading.Thread(target=webhook.run)
    thread.start()
    webhook.notify({"waiting": 1})
    assert server.requests.get(timeout=_PATIENCE_S) == ("/endpoint?site=a", "Bearer s3cret", {"waiting": 1})
    webhook.stop()
    thread.join(_PATIENCE_S)
    assert not thread.is_alive()


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_any_answer_but_success_is_a_failure_and_no_redirection_is_followed(server: _Server, status: int) -> None:
    server.status = status
    with pytest.raises(OSError, match=f"HTTP {status}"):
        webhook_post(_url(server), token="s3cret")(b"{}")
    assert server.requests.qsize() == 1


def test_a_failure_is_logged_without_the_token(server: _Server, caplog: pytest.LogCaptureFixture) -> None:
    server.status = 401
    webhook = Webhook(webhook_post(_url(server), token="s3cret"))
    webhook.notify({"waiting": 1})
    webhook.step()
    assert 'event=webhook_failed reason="HTTP 401" failures=1 again_in_s=1' in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("url", "token", "reason"),
    [
        ("ftp://example.org/", "", "must be an http or https URL"),
        ("http:///path", "", "must be an http or https URL"),
        ("http://example.org:port/", "", "must be an http or https URL"),
        ("http://192.0.2.1/hook", "s3cret", "would be sent in clear; use https"),
        ("https://192.0.2.1/hook", "s3\ncret", "no header can carry"),
    ],
)
def test_what_can_not_or_must_not_work_is_refused_without_showing_the_token(url: str, token: str, reason: str) -> None:
    with pytest.raises(WebhookConfigError, match=reason) as refused:
        webhook_post(url, token=token)
    assert token == "" or token not in str(refused.value)


def test_a_secret_in_the_url_is_not_shown() -> None:
    with pytest.raises(WebhookConfigError) as refused:
        webhook_post("ftp://user:pa55@example.org/hook?key=pa55")
    assert "pa55" not in str(refused.value)


def test_a_token_may_cross_the_loopback_in_clear() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        webhook_post(f"http://{host}:5000/", token="s3cret")


def test_a_missing_ca_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WebhookConfigError, match="could not read the CA file"):
        webhook_post("https://192.0.2.1/", ca_file=str(tmp_path / "missing"))


def test_the_token_is_read_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    assert read_token(str(tmp_path / "token")) == "s3cret"


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("\n", "empty"), ("s\u00e9cret", "not ASCII")])
def test_a_token_that_can_not_be_read_is_told_without_its_content(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content, encoding="utf-8")
    with pytest.raises(WebhookConfigError, match=reason) as refused:
        read_token(str(tmp_path / "token"))
    assert "cret" not in str(refused.value)
