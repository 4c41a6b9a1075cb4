# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The tap without a rule engine: `python3 -m` on this package, wherever it was copied to. Standard library alone."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence

from .recorder import Notification
from .spool import MAX_ROWS
from .tap import Settings, Tap
from .vendor import VendorConfigError
from .webhook import Webhook, WebhookConfigError, read_token, webhook_post

_TOKEN_VARIABLE = "DHCP_TAP_TOKEN"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="dhcp-tap",
        description="Watches DHCP acknowledgements and records which machine got which address. Needs CAP_NET_RAW.",
    )
    parser.add_argument(
        "--interface", action="append", required=True, metavar="NAME", help="an interface to listen on; repeatable"
    )
    parser.add_argument("--spool", required=True, metavar="FILE", help="the spool, on a local disk")
    parser.add_argument(
        "--only-vendor",
        action="append",
        default=[],
        metavar="VENDOR",
        help="keep only these: part of a vendor's name, or the first three bytes of MAC addresses; repeatable",
    )
    parser.add_argument("--max-rows", type=_count, default=MAX_ROWS, metavar="N", help="rows from which it is full")
    parser.add_argument("--again", type=_count, default=60, metavar="SECONDS", help="notify again for rows that wait")
    parser.add_argument("--webhook", metavar="URL", help="notify this webhook of a rule engine")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"the webhook's bearer token; else the variable {_TOKEN_VARIABLE}, if it is set",
    )
    parser.add_argument("--ca-file", default="", metavar="FILE", help="the CA of the webhook's certificate")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; give the exit code, 2 where the options can't be used."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    settings = Settings(
        interfaces=options.interface,
        spool=options.spool,
        only_vendors=options.only_vendor,
        max_rows=options.max_rows,
        again_s=options.again,
    )
    try:
        webhook = _webhook(options)
        tap = Tap(settings, _ignore if webhook is None else webhook.notify)
    except (VendorConfigError, WebhookConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_signal: tap.stop())
    if webhook is not None:
        threading.Thread(target=webhook.run, name="dhcp-tap-webhook", daemon=True).start()
    tap.run()
    if webhook is not None:
        webhook.stop()
    return 0


def _webhook(options: argparse.Namespace) -> Webhook | None:
    if options.webhook is None:
        return None
    token = read_token(options.token_file) if options.token_file else os.environ.get(_TOKEN_VARIABLE, "")
    return Webhook(webhook_post(options.webhook, token=token, ca_file=options.ca_file))


def _ignore(_notification: Notification) -> None:
    """Send nothing: without a webhook, consumers look into the spool by themselves."""


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
