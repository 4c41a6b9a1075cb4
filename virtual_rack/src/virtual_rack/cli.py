# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `virtual-rack`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from virtual_rack.faults import FaultError, Faults, parse_fault
from virtual_rack.inventory import inventory_text
from virtual_rack.new_rack import MAX_IPMI, MAX_NODES, new_rack_text
from virtual_rack.rack_file import ENGINES
from virtual_rack.rack_reader import RackFileError, read_rack
from virtual_rack.redfish.modes import MODES
from virtual_rack.serve import Options, serve
from virtual_rack.servers import bench
from virtual_rack.servers.bench_file import read_bench
from virtual_rack.state_file import StateFileError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; give its exit status."""
    options = _parser().parse_args(arguments)
    try:
        run = {"serve": _serve, "new": _new, "inventory": _inventory, "bench": _bench}[options.command]
        run(options)
    except (RackFileError, FaultError, StateFileError) as error:
        print(f"virtual-rack: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"virtual-rack: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="virtual-rack", description="A machine room in software, run by BCM.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_serve(commands.add_parser("serve", help="run a rack until Ctrl-C"))
    new = commands.add_parser("new", help="write a rack file to begin with")
    new.add_argument("--nodes", type=_nodes, required=True, metavar="N", help="number of machines")
    new.add_argument("--bmc", choices=ENGINES, help=f"engine of the BMCs (default: ipmi up to {MAX_IPMI}, else direct)")
    new.add_argument(
        "--redfish", choices=tuple(MODES), default="", help="let the BMCs speak Redfish like this vendor's"
    )
    new.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here, not to the terminal")
    inventory = commands.add_parser("inventory", help="write the Ansible inventory that goes with a rack file")
    inventory.add_argument("rack", type=Path, metavar="RACK.yml")
    inventory.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here, not to the terminal")
    bench_parser = commands.add_parser("bench", help="run servers that really boot, in QEMU, until Ctrl-C; needs root")
    bench_parser.add_argument("bench", type=Path, metavar="BENCH.yml")
    bench_parser.add_argument("--directory", type=Path, required=True, help="for consoles, disks and logs")
    bench_parser.add_argument("--namespace", help="name of the network namespace (default: the bench file's)")
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rack", type=Path, metavar="RACK.yml")
    parser.add_argument(
        "--port", type=_port, default=8081, help="port of the head node; 0: any free one (default 8081)"
    )
    parser.add_argument("--admin-port", type=_port, default=0, help="port of the admin API (default 0: any free one)")
    parser.add_argument("--ipmi-port", type=_port, help="port of all BMCs; 0: any free one (default: the rack file's)")
    parser.add_argument("--redfish-port", type=_port, help="of all BMCs; 0: any free one (default: the rack file's)")
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="times as fast as real (default 1)")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="keep certificates and state here between runs")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="SPEC",
        help="switch a fault on, such as kind=never_boots,node=dgx-05 or JSON; can be repeated",
    )


def _serve(options: argparse.Namespace) -> None:
    faults = [parse_fault(text) for text in options.fault]
    for fault in faults:
        Faults().add(fault)  # so that a mistake is told before anything starts
    rack = read_rack(options.rack)
    chosen = Options(
        port=options.port,
        admin_port=options.admin_port,
        speed=options.speed,
        ipmi_port=options.ipmi_port,
        redfish_port=options.redfish_port,
        directory=options.state_dir,
        faults=faults,
    )
    asyncio.run(serve(rack, chosen))


def _bench(options: argparse.Namespace) -> None:
    spec = read_bench(options.bench)
    if options.namespace:
        spec = replace(spec, namespace=options.namespace)
    asyncio.run(bench.serve(spec, options.directory.resolve()))


def _new(options: argparse.Namespace) -> None:
    engine = options.bmc or ("ipmi" if options.nodes <= MAX_IPMI else "direct")
    _write(new_rack_text(options.nodes, engine=engine, redfish=options.redfish), options.output)


def _inventory(options: argparse.Namespace) -> None:
    _write(inventory_text(read_rack(options.rack)), options.output)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def _nodes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_NODES:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MAX_NODES}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("expected a number from 0 to 65535")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1_000_000:
        raise argparse.ArgumentTypeError("expected a number above 0")
    return speed
