# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store_command for redfish_rotation: one file for each server, encrypted by Ansible Vault.

vaulted_files.py DIRECTORY PASSWORD_FILE. It needs ansible-core where it runs.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, get_file_vault_secret


def answer(question: dict[str, Any], directory: Path, vault: VaultLib) -> dict[str, Any]:
    """Answer one question. Raises SystemExit with a sentence that holds no secret."""
    server = str(question["server"])
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", server):
        raise SystemExit("the server's name can't be that of a file")
    path = directory / f"{server}.json"
    if question["action"] == "read":
        return {"record": json.loads(vault.decrypt(path.read_bytes())) if path.exists() else None}
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Whole, or not at all: the file beside it takes its name when it is on disk.
    descriptor, beside = tempfile.mkstemp(prefix=f".{server}-", dir=directory)
    with os.fdopen(descriptor, "wb") as file:
        file.write(vault.encrypt(json.dumps(question["record"])))
        file.flush()
        os.fsync(file.fileno())
    Path(beside).rename(path)
    folder = os.open(directory, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return {}


def main() -> None:
    """Answer the question on standard input."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: vaulted_files.py DIRECTORY PASSWORD_FILE")
    secret = get_file_vault_secret(filename=sys.argv[2], loader=DataLoader())
    secret.load()
    vault = VaultLib([("default", secret)])
    sys.stdout.write(json.dumps(answer(json.load(sys.stdin), Path(sys.argv[1]), vault)))


if __name__ == "__main__":
    main()
