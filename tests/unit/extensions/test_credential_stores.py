# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stores of credentials that come with the collection, asked as redfish_rotation asks them."""

from __future__ import annotations

import contextlib
import json
import stat
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import FileVaultSecret, VaultLib

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.rotation import Credential, Record
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.store import CommandStore, StoreError

STORES = Path(__file__).parents[3] / "extensions/credential_stores"
RECORD = (
    Record(other={"rack": "A7"})
    .promoting(Credential("zz-second", "s3cret-2", "2026-11"))
    .promoting(Credential("aa-first", "s3cret-1", "2026-11"))
    .awaiting(Credential("zz-second", "s3cret-3", "2027-05"))
)


class _Vault(BaseHTTPRequestHandler):
    """As much of a KV version 2 engine as is asked, with keys in an order of its own."""

    secrets: dict[str, Any]
    asked: list[tuple[str, str, str | None]]

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body, sort_keys=True).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _note(self) -> bool:
        self.asked.append((self.command, self.path, self.headers.get("X-Vault-Token")))
        if self.headers.get("X-Vault-Token") != "right":
            self._answer(403, {"errors": ["permission denied"]})
            return False
        return True

    def do_GET(self) -> None:
        if self._note():
            found = self.secrets.get(self.path)
            if found is None:
                self._answer(404, {"errors": []})
            else:
                self._answer(200, {"data": {"data": found}})

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._note():
            self.secrets[self.path] = content["data"]
            self._answer(200, {"data": {"version": 1}})

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def vault() -> Iterator[tuple[str, type[_Vault]]]:
    handler = type("Handler", (_Vault,), {"secrets": {}, "asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()


def test_vaulted_files_keep_a_record_encrypted_and_give_it_back(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("site-vault-password\n", encoding="utf-8")
    command = [sys.executable, str(STORES / "vaulted_files.py"), str(tmp_path / "store"), str(password)]
    store = CommandStore(command, 60.0)

    assert store.read("dgx-05") == Record()
    store.write("dgx-05", RECORD)
    assert store.read("dgx-05") == RECORD

    (path,) = (tmp_path / "store").iterdir()
    assert path.name == "dgx-05.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;")
    # As a playbook reads it, with its own password.
    secret = FileVaultSecret(filename=str(password), loader=DataLoader())
    secret.load()
    login = json.loads(VaultLib([("default", secret)]).decrypt(path.read_bytes()))
    assert (login["username"], login["password"]) == ("aa-first", "s3cret-1")


def test_vaulted_files_refuse_a_server_whose_name_leads_elsewhere_and_a_wrong_password(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("site-vault-password\n", encoding="utf-8")
    command = [sys.executable, str(STORES / "vaulted_files.py"), str(tmp_path / "store"), str(password)]
    store = CommandStore(command, 60.0)
    store.write("dgx-05", RECORD)
    password.write_text("another\n", encoding="utf-8")

    with pytest.raises(StoreError, match="can't be that of a file"):
        store.write("../elsewhere", RECORD)
    with pytest.raises(StoreError) as refused:
        store.read("dgx-05")

    assert "s3cret" not in str(refused.value)
    assert not (tmp_path / "elsewhere.json").exists()


def test_hashicorp_vault_keeps_a_record_and_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    store = CommandStore([sys.executable, str(STORES / "hashicorp_vault.py"), "secret", "site/bmc"], 60.0)
    monkeypatch.setenv("VAULT_TOKEN", "right")
    with vault() as (url, server):
        monkeypatch.setenv("VAULT_ADDR", url)

        assert store.read("dgx-05") == Record()
        store.write("dgx-05", RECORD)
        assert store.read("dgx-05") == RECORD
        assert [path for _method, path, _token in server.asked] == ["/v1/secret/data/site/bmc/dgx-05"] * 3
        monkeypatch.setenv("VAULT_TOKEN", "wrong")
        with pytest.raises(StoreError, match="HTTP 403"):
            store.write("dgx-05", RECORD)


def test_hashicorp_vault_is_not_sent_a_token_in_clear_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://vault.example:8200")
    monkeypatch.setenv("VAULT_TOKEN", "right")

    with pytest.raises(StoreError, match="must be a URL with https"):
        CommandStore([sys.executable, str(STORES / "hashicorp_vault.py"), "secret", "bmc"], 60.0).read("dgx-05")


@pytest.mark.parametrize(
    "said", ["", "s3cret", "[]", "{}", '{"record": 5}', '{"record": {"accounts": {"a": {"password": 1}}}}']
)
def test_an_answer_that_is_no_record_is_an_error_that_quotes_nothing(said: str) -> None:
    store = CommandStore([sys.executable, "-S", "-c", f"print({said!r})"], 60.0)

    with pytest.raises(StoreError, match="can't be read") as refused:
        store.read("dgx-05")

    assert "s3cret" not in str(refused.value)


def test_a_store_that_hangs_is_given_up() -> None:
    with pytest.raises(StoreError, match=r"did not end within 0\.2 s"):
        CommandStore([sys.executable, "-S", "-c", "import time; time.sleep(60)"], 0.2).read("dgx-05")
