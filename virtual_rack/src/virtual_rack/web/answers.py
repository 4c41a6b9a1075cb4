# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers in the head node's form."""

from __future__ import annotations

import gzip
from typing import Any

from aiohttp import web

from virtual_rack.entities.fields import ZERO_UUID
from virtual_rack.json_text import to_json

# ASSUMED: from which size on answers are compressed; only that larger ones are was seen.
GZIP_FROM_BYTES = 1024

# ASSUMED: an unauthenticated call is answered with the login page and HTTP 200; only "its HTML" was reported.
_LOGIN_PAGE = "<!DOCTYPE html>\n<html><head><title>Login</title></head><body><form>Log in</form></body></html>\n"
# ASSUMED: the text of the other form, behind the switch `unauthenticated: errormessage`.
_LOGIN_NEEDED = {"errormessage": "You are not logged in\n"}
# ASSUMED: a wrong password. Settled by one wrong login on a live head node.
WRONG_PASSWORD: Any = False

# ASSUMED: how a passive head node refuses what changes anything. Only the error code was published; one write to the
# passive head node of a live pair settles the rest.
NOT_ACTIVE: Any = {
    "success": False,
    "task_uuid": ZERO_UUID,
    "updated_entity": None,
    "validation": [
        {
            "baseType": "Validation",
            "childType": "",
            "ref_entity_uuid": ZERO_UUID,
            "field": "",
            "error_code": "NOT_ACTIVE",
            "message": "This head node is not active",
            "severity": "ERROR",
        }
    ],
}

DENIED_STATUSES = {"635": 635, "640": 640}


def json_answer(value: Any, request: web.Request, *, status: int = 200) -> web.Response:
    """Answer with bare JSON; larger bodies are compressed for clients that take it."""
    body = to_json(value).encode()
    headers = {"Connection": "close"}
    if len(body) >= GZIP_FROM_BYTES and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers |= {"Content-Encoding": "gzip", "X-U": str(len(body))}
        body = gzip.compress(body, compresslevel=1)
    response = web.Response(body=body, status=status, headers=headers, content_type="application/json")
    response.force_close()
    return response


def ready(text: str) -> web.Response:
    """Answer that CMDaemon is ready. ASSUMED: the body where none is asked for, and that no login is needed."""
    response = web.Response(text=text, headers={"Connection": "close"})
    response.force_close()
    return response


def bad_request() -> web.Response:
    """Answer a call that does not exist. ASSUMED: the body."""
    response = web.Response(status=400, text="Bad Request\n", headers={"Connection": "close"})
    response.force_close()
    return response


def not_logged_in(request: web.Request, *, form: str) -> web.Response:
    """Answer a caller who did not say who he is."""
    if form == "errormessage":
        return json_answer(_LOGIN_NEEDED, request)
    response = web.Response(text=_LOGIN_PAGE, content_type="text/html", headers={"Connection": "close"})
    response.force_close()
    return response


def no_such_service(name: str, request: web.Request) -> web.Response:
    """Answer a call of a service that does not exist."""
    return json_answer({"errormessage": f"No such service: '(cm){name}'\n"}, request)


def denied(profile: str, call: str, request: web.Request, *, form: str) -> web.Response:
    """Answer a caller whose profile may not do this."""
    text = f"Your certificate (profile:{profile}) does not allow access to {call}\n"
    return json_answer({"errormessage": text}, request, status=DENIED_STATUSES.get(form, 200))
