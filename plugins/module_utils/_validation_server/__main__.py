# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The two services of a validation server: `python3 -m …_validation_server receiver|worker --config FILE`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from .._netbox.api.client import NetBox
from .._netbox.api.connection import NetBoxConnection, NetBoxTransport
from .._netbox.api.errors import NetBoxError
from .._spool.spool import Spool, SpoolError
from .._validation.profile import read_profiles
from . import app
from .events import AcceptedEvent
from .logs import Logs
from .messenger import Webhook
from .receiver import Receiver
from .settings import Settings, SettingsError, read_settings
from .state import State
from .worker import Worker

_PAUSE_AFTER_ERROR_S = 5.0


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
    app.serve(Receiver(settings, state, open_spool(settings), logs, clock=time.time, say=say), say)


def _work(settings: Settings) -> None:
    """Carry results to NetBox until the process is told to end."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ending.set())
    worker = open_worker(settings)
    say(f"carrying results to {settings.netbox_url}")
    pause_s = settings.turn_seconds
    while not ending.wait(pause_s):
        pause_s = settings.turn_seconds
        try:
            worker.turn()
        except (NetBoxError, SpoolError) as error:
            # Nothing is lost: it is due again in the next turn.
            say(str(error))
            pause_s = _PAUSE_AFTER_ERROR_S
    worker.close()


def open_worker(settings: Settings) -> Worker:
    """Make the worker. Raises SettingsError, NetBoxError and SpoolError."""
    try:
        token = Path(settings.netbox_token_file).read_text(encoding="utf-8").strip()
        documents = {
            path.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(Path(settings.profiles_directory).glob("*.json"))
        }
        profiles = read_profiles(documents)
    except (OSError, ValueError) as error:
        raise SettingsError(f"could not read the token or the profiles: {error}") from error
    connection = NetBoxConnection(
        settings.netbox_url,
        token,
        validate_certs=settings.netbox_validate_certs,
        ca_path=settings.netbox_ca_path or None,
    )
    return Worker(
        settings,
        State(settings.state_path, time.time),
        open_spool(settings),
        Logs(settings.log_directory, settings.max_log_bytes),
        NetBox(NetBoxTransport(connection)),
        profiles,
        clock=time.time,
        say=say,
        post=Webhook(settings) if settings.event_url else None,
    )


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
        (_receive if given.service == "receiver" else _work)(settings)
    except (SettingsError, SpoolError, NetBoxError) as error:
        say(f"could not start the {given.service}: {error}")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
