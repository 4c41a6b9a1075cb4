# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the clients damaged answers of a head node and of NetBox: no error but our own, bounded memory and messages."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.bcm.tests.tools.fuzzing import fuzz, read_options
from ansible_collections.baremetal.bcm.tests.unit.plugins.damaged_servers import DamagedHeadNode, DamagedNetBox, draw


def main() -> int:
    servers: dict[str, DamagedHeadNode | DamagedNetBox] = {"head node": DamagedHeadNode(), "NetBox": DamagedNetBox()}

    def judge(answer: tuple[str, str, bytes]) -> Iterator[str]:
        server, name, body = answer
        yield f"{server}: {servers[server].read(name, body)}"

    return fuzz(read_options(__doc__, "answers"), draw, judge)


if __name__ == "__main__":
    raise SystemExit(main())
