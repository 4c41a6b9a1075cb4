# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The two services of a validation server: `python3 -m …_validation_server receiver|worker --config FILE`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from .._spool.spool import Spool, SpoolError
from . import app
from .events import AcceptedEvent
from .logs import Logs
from .receiver import Receiver
from .settings import Settings, SettingsError, read_settings
from .state import State


def say(line: str) -> None:
    """Write one line to the log."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def open_spool(settings: Settings) -> Spool[AcceptedEvent]:
    """Open the spool of a validation server. Raises SpoolError."""
    return Spool(settings.spool_path, time.time, read_item=AcceptedEvent.from_dict, max_bytes=1 << 30)


def _receive(settings: Settings) -> None:
    if app.STARLETTE_IMPORT_ERROR is not None:
        raise SettingsError(f"the receiver needs starlette and uvicorn: {app.STARLETTE_IMPORT_ERROR}")
    state = State(settings.state_path, time.time)
    logs = Logs(settings.log_directory, settings.max_log_bytes)
    app.serve(Receiver(settings, state, open_spool(settings), logs, clock=time.time), say)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the services; returns the exit code."""
    parser = argparse.ArgumentParser(prog="validation-server", description=__doc__)
    parser.add_argument("service", choices=["receiver", "worker"])
    parser.add_argument("--config", required=True, metavar="FILE", help="the settings, in JSON")
    given = parser.parse_args(arguments)
    # Tokens pass through, and logs hold serial numbers: nobody else reads what is written.
    os.umask(0o077)
    try:
        settings = read_settings(given.config)
        settings.log_directory.parent.mkdir(parents=True, exist_ok=True)
        _receive(settings)
    except (SettingsError, SpoolError) as error:
        say(f"could not start the {given.service}: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
