# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store_command for redfish_rotation: one secret for each server in a KV version 2 engine of HashiCorp Vault.

hashicorp_vault.py MOUNT PREFIX. The server and the login are VAULT_ADDR, VAULT_TOKEN and, where needed, VAULT_CACERT
and VAULT_NAMESPACE, as Vault's own program reads them.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlsplit


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token goes to one server alone."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


def ask(url: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
    """Send one request; None where there is no such secret. Raises SystemExit with a sentence without a secret."""
    headers = {"X-Vault-Token": os.environ.get("VAULT_TOKEN", ""), "X-Vault-Request": "true"}
    if os.environ.get("VAULT_NAMESPACE"):
        headers["X-Vault-Namespace"] = os.environ["VAULT_NAMESPACE"]
    content = None if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - main() has looked at it
    context = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirects())
    try:
        with opener.open(request, timeout=30) as reply:
            said = json.load(reply)
            return said if isinstance(said, dict) else {}
    except urllib.error.HTTPError as error:
        if error.code == 404 and body is None:
            return None
        raise SystemExit(f"Vault answered HTTP {error.code}") from None
    except (OSError, ValueError) as error:
        raise SystemExit(f"Vault did not answer: {type(error).__name__}") from None


def main() -> None:
    """Answer the question on standard input."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: hashicorp_vault.py MOUNT PREFIX")
    address = os.environ.get("VAULT_ADDR", "").rstrip("/")
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1"):
        raise SystemExit("VAULT_ADDR must be a URL with https")
    question = json.load(sys.stdin)
    where = "/".join(quote(each.strip("/")) for each in (sys.argv[1], "data", sys.argv[2]))
    url = f"{address}/v1/{where}/{quote(question['server'], safe='')}"
    if question["action"] == "read":
        said = ask(url, None)
        sys.stdout.write(json.dumps({"record": None if said is None else said["data"]["data"]}))
    else:
        ask(url, {"data": question["record"]})


if __name__ == "__main__":
    main()
