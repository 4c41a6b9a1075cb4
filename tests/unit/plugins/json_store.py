# SPDX-License-Identifier: GPL-3.0-or-later
"""A store of credentials for tests: one plain file for each server. json_store.py DIRECTORY [WAY]."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    directory, way = Path(sys.argv[1]), "".join(sys.argv[2:])
    question = json.load(sys.stdin)
    path = directory / f"{question['server']}.json"
    if question["action"] == "read":
        sys.stdout.write(
            json.dumps({"record": json.loads(path.read_text(encoding="utf-8")) if path.exists() else None})
        )
    elif way == "fails":
        raise SystemExit(f"the disk is full: {json.dumps(question['record'])}")
    elif way != "forgets":
        directory.mkdir(exist_ok=True)
        path.write_text(json.dumps(question["record"]), encoding="utf-8")
        sys.stdout.write("{}")


if __name__ == "__main__":
    main()
