# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the pictures of docs/validation.md anew from one run of the servers of the demo: boot, journal and report.

validation-pictures calls it. Look at what came of it: no test does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from contextlib import ExitStack
from html import escape
from pathlib import Path

import yaml

os.environ["PATH"] += ":/usr/sbin:/sbin"

from ansible_collections.baremetal.bcm.tests.netbox.test_bmc_macs import playbook_words
from ansible_collections.baremetal.bcm.tests.system.support.netbox_server import NetBoxView, start_netbox
from ansible_collections.baremetal.bcm.tests.system.support.validation_lab import ROOT, ValidationLab, build_image
from ansible_collections.baremetal.bcm.tests.system.support.validation_netbox import Inventory
from ansible_collections.baremetal.bcm.tests.tools.demo_intake import end_when_asked
from ansible_collections.baremetal.bcm.tests.unit.child_process import started

_IMAGES = ROOT / "docs/images"
_NETBOX = Path(os.environ.get("NETBOX_DIR", "/var/tmp/baremetal-bcm-netbox")) / "venv"
_GOOD, _BAD = "demo-good", "demo-disk"
_COLUMNS, _COLUMN, _LINE, _MARGIN = 118, 7.4, 17, 12
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|c)|[\x00-\x09\x0b-\x1f]")
# Of NetBox's page: what is about one device and not about its journal stays out.
_JOURNAL_ALONE = """<style>
nav.sidenav, nav.navbar, header, footer, form.form-object-edit, .controls, .tab-content > form, .object-subtitle,
.noprint, td:last-child, th:last-child, .paginator, h5 { display: none !important; }
body, .main-container { margin: 0 !important; padding: 0 !important; }
td:first-child { white-space: nowrap; }
</style></head>"""
# A picture without the empty space below it, in few colours.
_SHRINK = """
import sys
from PIL import Image, ImageChops
for name in sys.argv[1:]:
    image = whole = Image.open(name).convert("RGB")
    for below in ("the page", "what the page shows"):
        blank = Image.new("RGB", image.size, image.getpixel((0, image.height - 1)))
        image = image.crop((0, 0, image.width, ImageChops.difference(image, blank).getbbox()[3]))
    image = whole.crop((0, 0, image.width, image.height + 16))
    image.quantize(48).save(name, optimize=True)
"""


def validate(netbox: NetBoxView, directory: Path) -> None:
    """Let the servers of the demo be validated, followed by validate.yml; leave consoles, journals and page there."""
    bench = yaml.safe_load((ROOT / "virtual_rack/benches/demo.yml").read_text(encoding="utf-8"))
    with ExitStack() as stack:
        lab = ValidationLab(bench, directory)
        inventory = Inventory(netbox, lab.spec)
        inventory.remove()
        stack.callback(inventory.remove)
        inventory.add()
        stack.callback(lab.close)
        lab.start()
        lab.carry_to(netbox)
        hosts: dict[str, object] = {server.name: {} for server in lab.spec.servers}
        (directory / "inventory.yml").write_text(json.dumps({"bcm_nodes": {"hosts": hosts}}), encoding="utf-8")
        variables = {"validation_watch_only": True, "validation_report_html": str(directory / "report.html")}
        words, process = playbook_words(
            directory, variables, "--inventory", "inventory.yml",
            url=netbox.url, token=netbox.environment["NETBOX_TOKEN"], playbook="validate",
        )  # fmt: skip
        log = stack.enter_context((directory / "validate.out").open("w"))
        with started(words, limit_s=1800, stdout=log, stderr=subprocess.STDOUT, **process) as playbook:
            lab.boot_all(inventory)
            playbook.wait(timeout=120)
        for name in (_GOOD, _BAD):
            (directory / f"{name}.html").write_text(journal_page(netbox, name), encoding="utf-8")


def journal_page(netbox: NetBoxView, name: str) -> str:
    """Give the page of a journal as NetBox renders it for a person who is logged in."""
    (device,) = netbox.call("GET", f"dcim/devices/?name={name}")["results"]
    program = f"""
from django.contrib.auth.models import User
from django.test import Client
client = Client(HTTP_HOST="localhost")
client.force_login(User.objects.get(username="tests"))
print(client.get("/dcim/devices/{device["id"]}/journal/").content.decode())
"""
    words = [str(ROOT / "tests/tools/netbox"), "python"]
    return subprocess.run(words, input=program, capture_output=True, text=True, check=True).stdout


def draw(directory: Path) -> None:
    """Draw the pictures from what a run has left."""
    _IMAGES.mkdir(exist_ok=True)
    console = (directory / _BAD / "console").read_text(encoding="utf-8", errors="replace")
    (_IMAGES / "validation-boot.svg").write_text(draw_console(console), encoding="utf-8")
    (static,) = _NETBOX.glob("lib/python3*/site-packages/project-static/dist")
    for name, picture in ((_GOOD, "staged"), (_BAD, "failed")):
        page = (directory / f"{name}.html").read_text(encoding="utf-8")
        page = page.replace('"/static/', f'"{static.as_uri()}/').replace("</head>", _JOURNAL_ALONE, 1)
        (directory / f"{picture}.html").write_text(page, encoding="utf-8")
        photograph(directory / f"{picture}.html", f"validation-journal-{picture}.png", 980)
    photograph(directory / "report.html", "validation-report.png", 1200)
    pictures = [str(path) for path in sorted(_IMAGES.glob("validation-*.png"))]
    subprocess.run([str(_NETBOX / "bin/python"), "-c", _SHRINK, *pictures], check=True)


def draw_console(text: str) -> str:
    """Draw what a console shows since the kernel began, as SVG."""
    shown = _ESCAPES.sub("", text.rpartition("\x1b[2J")[2]).strip("\n")
    lines = [
        part for line in shown.split("\n") for part in textwrap.wrap(line, _COLUMNS, subsequent_indent="  ") or [""]
    ]
    width, height = int(_COLUMNS * _COLUMN + 2 * _MARGIN), len(lines) * _LINE + 2 * _MARGIN
    size = f'width="{width}" height="{height}"'
    rows = [
        f'<text x="{_MARGIN}" y="{_MARGIN + 12 + number * _LINE}" textLength="{len(line) * _COLUMN:.1f}" '
        f'lengthAdjust="spacingAndGlyphs" xml:space="preserve">{escape(line)}</text>'
        for number, line in enumerate(lines)
        if line
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}">',
            "<!-- drawn from the console of a server by tests/tools/validation-pictures -->",
            f'<rect {size} rx="6" fill="#14171a"/>',
            '<g fill="#e6e8ea" font-family="ui-monospace, DejaVu Sans Mono, monospace" font-size="12.3">',
            *rows,
            "</g></svg>",
            "",
        ]
    )


def photograph(page: Path, picture: str, width: int) -> None:
    """Let a browser draw a page."""
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--log-level=3"]
    words += ["--allow-file-access-from-files", f"--window-size={width},2000", f"--screenshot={_IMAGES / picture}"]
    subprocess.run([*words, page.as_uri()], check=True, timeout=120, capture_output=True)


def main() -> int:
    end_when_asked()
    if sys.argv[1:]:
        draw(Path(sys.argv[1]).resolve())
        return 0
    build_image()
    netbox = start_netbox()
    with tempfile.TemporaryDirectory(prefix="validation-pictures-") as directory:
        validate(netbox, Path(directory))
        draw(Path(directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
