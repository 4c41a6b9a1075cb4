# SPDX-License-Identifier: GPL-3.0-or-later
"""The wires between a BMC's engine and its machine's board.

The engine runs a line of shell for every question. Questions are answered from a file that the rack keeps true, by
the shell's own means: no second program is started. What shall happen is written into one named pipe for all
machines, and the shell waits in another one for the rack's answer: when the BMC has answered, the machine has acted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from virtual_rack.state_file import write_atomically

# The engine appends "get power", or "set" with a name and a value. Its directory is the one it was started in.
COMMAND = ". ../chassis.sh; chassis"
NUMBER_VARIABLE = "VIRTUAL_RACK_BMC"
_SCRIPT = """\
chassis() {
    case $1 in
    get)
        read -r value <"$2" && echo "$2:$value"
        ;;
    set)
        # Opening for both directions never waits; with only the reading end left, a rack that is gone is an end
        # of file.
        exec 3<>answer 4<answer 3>&-
        echo "$VIRTUAL_RACK_BMC $$ $2 $3" 1<>../requests
        while read -r asker outcome <&4; do
            [ "$asker" = "$$" ] && break
        done
        [ "$outcome" = done ]
        ;;
    esac
}
"""


class ChassisWires:
    """The wires of all machines; `act` does what a BMC asks of the machine with a number and says whether it could."""

    def __init__(self, directory: Path, *, act: Callable[[int, str, str], bool]) -> None:
        self._directory = directory
        self._act = act
        self._answers: dict[int, int] = {}
        self._requests = -1
        self._rest = b""

    def open(self) -> None:
        """Begin to listen."""
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / "chassis.sh").write_text(_SCRIPT, encoding="utf-8")
        self._requests = _open_pipe(self._directory / "requests")
        asyncio.get_running_loop().add_reader(self._requests, self._read)

    def attach(self, number: int) -> Path:
        """Lay the wires of one machine; gives the directory its engine must be started in."""
        directory = self._directory / str(number)
        directory.mkdir(exist_ok=True)
        self._answers[number] = _open_pipe(directory / "answer")
        return directory

    def show(self, number: int, *, power: bool, boot: str) -> None:
        """Let the engine see the state of a machine."""
        directory = self._directory / str(number)
        write_atomically(directory / "power", f"{int(power)}\n")
        write_atomically(directory / "boot", f"{boot}\n")

    def close(self) -> None:
        """Cut all wires."""
        if self._requests >= 0:
            asyncio.get_running_loop().remove_reader(self._requests)
        for pipe in (self._requests, *self._answers.values()):
            if pipe >= 0:
                os.close(pipe)
        self._answers.clear()
        self._requests = -1

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._rest += os.read(self._requests, 65_536)
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            words = line.decode("ascii", "replace").split()
            if len(words) >= 3 and words[0].isdecimal() and int(words[0]) in self._answers:
                self._answer(int(words[0]), words[1], words[2], " ".join(words[3:]))

    def _answer(self, number: int, asker: str, what: str, value: str) -> None:
        outcome = "done" if self._act(number, what, value) else "refused"
        # Nobody waits any more if the pipe is full.
        with contextlib.suppress(BlockingIOError):
            os.write(self._answers[number], f"{asker} {outcome}\n".encode())


def _open_pipe(path: Path) -> int:
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
