# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools printed, and where each output comes from.

RECORDED came from the tool itself: fio 3.33 (cut to the keys around those that are read, the device's name changed),
memtester 4.6.0, stressapptest 1.0.6, lldpcli 1.0.16 beside a real lldpd, smartctl 7.3, wipefs 2.38.1.
WRITTEN was written after the formats that the tools' manuals, sources and the kernel's messages document, with the
words that vendors are known to put there; no such machine was at hand.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "recorded"
RECORDED = (
    "fio-no-device.json",
    "fio-rand-read.json",
    "fio-rand-write.json",
    "fio-seq-read.json",
    "fio-seq-write.json",
    "fio-verify-failed.json",
    "lldpcli-one.json",
    "memtester-ok.txt",
    "smartctl-virtio.json",
    "stressapptest-pass.txt",
    "wipefs-ext4.json",
    "wipefs-none.json",
)
WRITTEN = (
    "dmesg-edac.txt",
    "dmesg-mce.txt",
    "dmesg-uncorrected.txt",
    "dmidecode-dell.txt",
    "dmidecode-hpe.txt",
    "dmidecode-nvidia.txt",
    "dmidecode-oem.txt",
    "dmidecode-qemu.txt",
    "dmidecode-supermicro.txt",
    "lldpcli-cumulus-arista.json",
    "lldpcli-none.json",
    "memtester-failure.txt",
    "nvme-qemu-warning.json",
    "nvme-samsung.json",
    "rasdaemon.txt",
    "smartctl-hgst-failing.json",
    "smartctl-megaraid.json",
    "smartctl-not-opened.json",
    "smartctl-samsung-sata.json",
    "smartctl-seagate-pending.json",
    "smartctl-seagate-sas.json",
    "stressapptest-fail.txt",
)


def output(name: str) -> str:
    """Return one of them."""
    return (FOLDER / name).read_text(encoding="utf-8")
