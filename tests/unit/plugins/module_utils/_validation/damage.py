# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and outputs of tools, damaged, and what reads each."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.messages import Event
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers import smart
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.dmidecode import read_dmidecode
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.fio import read_fio
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.lldpcli import read_neighbours
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.machine_checks import (
    read_kernel_log,
    read_rasdaemon,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.memtester import read_memtester
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.stressapptest import read_stressapptest
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.wipefs import read_signatures
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.outputs import (
    RECORDED,
    WRITTEN,
    output,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import results

PARSERS: dict[str, Callable[[str], Any]] = {
    "dmidecode": read_dmidecode,
    "fio": lambda text: read_fio(text, "read"),
    "fio write": lambda text: read_fio(text, "write"),
    "lldpcli": read_neighbours,
    "dmesg": read_kernel_log,
    "rasdaemon": read_rasdaemon,
    "memtester": read_memtester,
    "smartctl": smart.read_smartctl,
    "nvme": smart.read_nvme,
    "stressapptest": read_stressapptest,
    "wipefs": read_signatures,
}
PUT = (b"", b"null", b"{}", b"[]", b"-1", b"1e999", b'"x"', b"NaN", b"\xff", b"\0", rb"\ud800", b"9" * 500, b"[" * 2000)
_MESSAGES = tuple(
    Event("step_finished", number, 1.0, name, result).to_bytes()
    for number, (name, result) in enumerate(results().items(), start=1)
)
_OUTPUTS = {
    parser: tuple(output(name).encode() for name in (*RECORDED, *WRITTEN) if name.startswith(parser.split()[0]))
    for parser in PARSERS
}


def draw(chance: random.Random) -> tuple[str, bytes]:
    """Give something to read, damaged, and what reads it: `message`, or one of PARSERS. Half are messages."""
    reader = "message" if chance.random() < 0.5 else chance.choice([*PARSERS])
    body = chance.choice(_MESSAGES if reader == "message" else _OUTPUTS[reader])
    # The outputs of memtester are long: a part of one is as good a start.
    body = body[: chance.choice([2_000, 20_000])]
    for _time in range(chance.randint(1, 5)):
        start = chance.randint(0, len(body))
        end = min(len(body), start + chance.randint(0, 80))
        body = body[:start] + chance.choice([*PUT, body[start:end] * 2]) + body[end:]
    return reader, body
