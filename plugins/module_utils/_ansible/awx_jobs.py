# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Jobs of AWX and Automation Controller: which one this is, and which others are over.

A job runs in a container of its own, so that the next one can't see whether its process still lives. AWX knows. It is
asked where a credential of its own gives the job a token (CONTROLLER_HOST, CONTROLLER_OAUTH_TOKEN).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping

from .._https.client import HttpsClient
from .._https.errors import HttpsError
from .._https.exchange import HttpRequest, Patience
from .._https.retry import Retry
from .._https.tls import Tls
from .._values.shape import list_of, object_of, text, whole

_OVER = frozenset({"successful", "failed", "error", "canceled"})
_JOBS = object_of({"results": list_of(object_of({"id": whole, "status": text}))})
# A claim ends by itself; nobody waits longer for AWX to say so earlier.
_PATIENCE = Patience(connect_s=5.0, read_s=10.0, total_s=20.0)


def job_word(environment: Mapping[str, str] | None = None) -> str:
    """Return one word for this job, which no other job of any AWX has; "" outside of AWX.

    AWX sets JOB_ID and AWX_HOST, its own address, for each job.
    """
    environment = os.environ if environment is None else environment
    job, host = environment.get("JOB_ID", ""), environment.get("AWX_HOST", "")
    return f"awx-{_digest(host)}-{job}" if re.fullmatch(r"[0-9]{1,18}", job) and host else ""


def jobs_known(environment: Mapping[str, str] | None = None) -> Callable[[str], bool]:
    """Return a function that takes the word of a job and returns whether it is known to be over.

    AWX is asked once for each word. Of the jobs of another AWX nothing is known, nor of any without a token, or where
    AWX does not answer.
    """
    given = os.environ if environment is None else environment
    answers: dict[str, bool] = {}

    def is_over(word: str) -> bool:
        if word not in answers:
            answers[word] = _is_over(word, given)
        return answers[word]

    return is_over


def _is_over(word: str, environment: Mapping[str, str]) -> bool:
    own = job_word(environment)
    url, token = _given("HOST", environment), _given("OAUTH_TOKEN", environment)
    kind, _dash, other = word.rpartition("-")
    if not (own and url and token) or not other.isdigit() or kind != own.rpartition("-")[0] or word == own:
        return False
    mine = environment["JOB_ID"]
    statuses = _ask(url, token, environment, [mine, other])
    # An AWX in which this job does not run is another one, whose jobs have the same numbers.
    return statuses.get(int(mine)) == "running" and statuses.get(int(other)) in _OVER


def _ask(url: str, token: str, environment: Mapping[str, str], jobs: list[str]) -> dict[int, str]:
    """Return the status of those jobs that AWX shows to this token; none where it gives no answer that can be read."""
    base = url.rstrip("/") if "://" in url else f"https://{url}".rstrip("/")
    # A gateway before several services has another path, which awx.awx takes from the same variable.
    prefix = environment.get("CONTROLLER_OPTIONAL_API_URLPATTERN_PREFIX", "").strip("/") or "api"
    path = f"/{prefix}/v2/jobs/"
    checks = _given("VERIFY_SSL", environment).lower() not in ("false", "0", "no", "off")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        client = HttpsClient(base, Tls(validate=checks), patience=_PATIENCE, headers=headers, secrets=[token])
        try:
            request = HttpRequest("GET", f"{path}?id__in={','.join(jobs)}", "the jobs of AWX")
            reply = client.send(request, Retry(attempts=1))
        finally:
            client.close()
        answer = reply.json() if reply.status == 200 else None
    except HttpsError:
        return {}
    if answer is None or _JOBS(answer) is not None:
        return {}
    return {job["id"]: job["status"] for job in answer["results"]}


def _given(name: str, environment: Mapping[str, str]) -> str:
    """Return what a credential for AWX itself has given, under its present name or the former one."""
    return environment.get(f"CONTROLLER_{name}") or environment.get(f"TOWER_{name}") or ""


def _digest(host: str) -> str:
    return hashlib.sha256(host.strip().rstrip("/").lower().encode()).hexdigest()[:12]
