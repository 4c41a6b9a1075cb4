# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that died is known to be dead by what AWX says of it, and of no other job anything is believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.awx_jobs import job_word, jobs_known
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import (
    owner_of,
    owner_of_process,
    owner_of_task,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import claim_values, rival_of

from .._https.loopback import Answering

TOKEN = "awx-t0ken"
HOST = "https://awx.example.com"
DEAD = {"JOB_ID": "41", "AWX_HOST": HOST}


class Awx:
    """The part of AWX's API that lists jobs; only who shows the token sees them."""

    def __init__(self, **statuses: str) -> None:
        self.statuses = {int(name.lstrip("j")): status for name, status in statuses.items()}
        self.asked: list[str] = []
        self.body: bytes | None = None

    def answer(self, path: str, token: str | None) -> tuple[int, bytes]:
        self.asked.append(path)
        parts = urlsplit(path)
        if token != f"Bearer {TOKEN}":
            return 401, b'{"detail": "no"}'
        if not parts.path.endswith("/v2/jobs/"):
            return 404, b"{}"
        wanted = [int(each) for each in parse_qs(parts.query)["id__in"][0].split(",")]
        found = [{"id": job, "status": self.statuses[job]} for job in wanted if job in self.statuses]
        return 200, self.body or json.dumps({"count": len(found), "results": found}).encode()


@contextmanager
def serving(awx: Awx) -> Iterator[str]:
    class Handler(Answering):
        def do_GET(self) -> None:
            status, body = awx.answer(self.path, self.headers.get("Authorization"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


def own(url: str, **more: str) -> dict[str, str]:
    return {"JOB_ID": "42", "AWX_HOST": HOST, "CONTROLLER_HOST": url, "CONTROLLER_OAUTH_TOKEN": TOKEN, **more}


def is_over(awx: Awx, of: dict[str, str] = DEAD, **more: str) -> bool:
    with serving(awx) as url:
        return jobs_known(own(url, **more))(job_word(of))


@pytest.mark.parametrize("status", ["failed", "error", "canceled", "successful"])
def test_a_job_that_has_ended_is_over(status: str) -> None:
    assert is_over(Awx(j41=status, j42="running"))


@pytest.mark.parametrize("status", ["new", "pending", "waiting", "running", "of a later release"])
def test_a_job_that_may_still_work_is_not_over(status: str) -> None:
    assert not is_over(Awx(j41=status, j42="running"))


def test_a_job_that_awx_does_not_show_is_not_over() -> None:
    assert not is_over(Awx(j42="running"))


@pytest.mark.parametrize("mine", ["successful", "failed"])
def test_an_awx_in_which_this_job_does_not_run_is_another_one_and_not_believed(mine: str) -> None:
    assert not is_over(Awx(j41="failed", j42=mine))
    assert not is_over(Awx(j41="failed"))


def test_of_jobs_of_another_awx_nothing_is_known_and_nobody_is_asked() -> None:
    awx = Awx(j41="failed", j42="running")

    assert not is_over(awx, {"JOB_ID": "41", "AWX_HOST": "https://other.example.com"})
    assert awx.asked == []


def test_without_a_token_nobody_is_asked() -> None:
    awx = Awx(j41="failed", j42="running")

    assert not is_over(awx, CONTROLLER_OAUTH_TOKEN="")
    assert awx.asked == []


def test_a_token_that_is_refused_tells_nothing() -> None:
    assert not is_over(Awx(j41="failed", j42="running"), CONTROLLER_OAUTH_TOKEN="another")


@pytest.mark.parametrize("body", [b"[]", b"no JSON", b'{"results": [{"id": "41"}]}', b'{"results": null}'])
def test_an_answer_that_cannot_be_read_tells_nothing(body: bytes) -> None:
    awx = Awx(j41="failed", j42="running")
    awx.body = body

    assert not is_over(awx)


def test_an_awx_that_does_not_answer_tells_nothing() -> None:
    assert not jobs_known(own("http://127.0.0.1:9"))(job_word(DEAD))


def test_an_address_that_is_none_tells_nothing() -> None:
    assert not jobs_known(own("http://[::1"))(job_word(DEAD))


def test_former_names_of_the_variables_are_read_too_and_the_path_of_a_gateway() -> None:
    awx = Awx(j41="failed", j42="running")
    with serving(awx) as url:
        given = {"JOB_ID": "42", "AWX_HOST": HOST, "TOWER_HOST": url, "TOWER_OAUTH_TOKEN": TOKEN}
        given["CONTROLLER_OPTIONAL_API_URLPATTERN_PREFIX"] = "/api/controller/"

        assert jobs_known(given)(job_word(DEAD))
    assert awx.asked == ["/api/controller/v2/jobs/?id__in=42,41"]


def test_what_a_module_of_a_dead_job_has_claimed_is_free_for_the_next_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in DEAD.items():
        monkeypatch.setenv(name, value)
    dead = owner_of_process()
    # In another container, where its process can't be seen.
    elsewhere = dead.run.replace(dead.run.partition(".")[0], "0" * 12, 1)
    with serving(Awx(j41="failed", j42="running")) as url:
        for name, value in own(url).items():
            monkeypatch.setenv(name, value)
        next_job = owner_of_process()

        assert dead.name.endswith(", AWX job 41")
        assert next_job.is_dead(elsewhere)
        assert not next_job.is_dead(next_job.run)


def test_a_thousand_nodes_of_a_dead_job_cost_one_call() -> None:
    awx = Awx(j41="failed", j42="running")
    with serving(awx) as url:
        known = jobs_known(own(url))

        assert all(known(job_word(DEAD)) for _node in range(1000))
    assert len(awx.asked) == 1


@pytest.mark.parametrize("environment", [{}, {"JOB_ID": "7"}, {"AWX_HOST": HOST}, {"JOB_ID": "x", "AWX_HOST": HOST}])
def test_outside_of_awx_there_is_no_job(environment: dict[str, Any]) -> None:
    assert job_word(environment) == ""


@pytest.mark.parametrize("as_owner", [lambda: owner_of(""), lambda: owner_of_task("run")], ids=["run", "module"])
def test_the_claim_of_a_dead_job_is_no_rival_at_once_and_that_of_a_living_one_is(
    monkeypatch: pytest.MonkeyPatch, as_owner: Any
) -> None:
    for name, value in DEAD.items():
        monkeypatch.setenv(name, value)
    # The dead job ran in a container of its own.
    _machine, _dot, rest = owner_of("").run.partition(".")
    claimed = {"extra_values": claim_values(owner_of("AWX, job 41"), until_s=1000)}
    claimed["extra_values"]["baremetal_claim_run"] = f"elsewhere.{rest}"
    awx = Awx(j41="running", j42="running")
    with serving(awx) as url:
        for name, value in own(url).items():
            monkeypatch.setenv(name, value)

        assert rival_of(claimed, as_owner(), {}, 900.0) is not None
        awx.statuses[41] = "canceled"
        assert rival_of(claimed, as_owner(), {}, 900.0) is None
