# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that is a server's hardware, its disks, and its firmware's memory."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from virtual_rack.servers.bench_file import Disk, ServerSpec
from virtual_rack.servers.wire import tap

_OVMF = Path("/usr/share/OVMF")
_FIRMWARE = {
    "uefi": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    "secure_boot": ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"),
}
# Where a fault puts its bad sector: behind what partition tables use, early enough that every test of a disk meets it.
BAD_SECTOR = 4096
_DEVICES = {"virtio": "virtio-blk-pci", "nvme": "nvme", "sata": "ide-hd"}


def command(server: ServerSpec, number: int, directory: Path, *, network: bool) -> list[str]:
    """Give the command, after making what it needs; `network` says whether it boots from there, else from disk."""
    words = ["qemu-system-x86_64", "-name", server.name, "-nodefaults", "-display", "none", "-no-user-config"]
    # One processor, and room for another: where there is room for one alone, QEMU before 8.1 leaves the guest's memory
    # barriers out, and now and then a device misses what the kernel has queued: its requests time out after a minute.
    words += ["-accel", "tcg", "-cpu", "qemu64", "-smp", "1,maxcpus=2"]
    words += ["-m", str(server.memory), "-action", "reboot=shutdown"]
    words += ["-machine", "q35,smm=on" if server.firmware == "secure_boot" else "q35"]
    words += ["-machine", "graphics=off"]
    words += ["-uuid", str(uuid.uuid5(uuid.NAMESPACE_OID, server.serial))]
    words += ["-smbios", f"type=1,manufacturer=Virtual Rack,product=Bench Server,serial={server.serial}"]
    words += ["-serial", f"file:{directory / 'console'}", "-qmp", f"unix:{directory / 'qmp'},server=on,wait=off"]
    words += ["-device", "virtio-rng-pci"]
    if server.firmware in _FIRMWARE:
        words += _flash(server.firmware, directory)
    if server.network_boot == "http":
        # Each of them would be tried for a minute first.
        for pxe in ("IPv4PXESupport", "IPv6PXESupport"):
            words += ["-fw_cfg", f"name=opt/org.tianocore/{pxe},string=n"]
    if server.fault("memory_bits"):
        words += ["-object", f"memory-backend-file,id=ram,size={server.memory}M,mem-path={directory / 'ram'},share=on"]
        words += ["-machine", "memory-backend=ram"]
    card = f"virtio-net-pci,netdev=net0,mac={server.mac}"
    card += ",romfile=" if server.network_boot != "card" else ""
    card += ",bootindex=1" if network else ""
    words += ["-netdev", f"tap,id=net0,ifname={tap(number)},script=no,downscript=no", "-device", card]
    for index, disk in enumerate(server.disks):
        words += _disk(server, disk, index, directory, boots=not network and not index)
    return words


def _flash(firmware: str, directory: Path) -> list[str]:
    code, variables = _FIRMWARE[firmware]
    own = directory / "variables.fd"
    if not own.exists():
        shutil.copyfile(_OVMF / variables, own)
    secure = ["-global", "driver=cfi.pflash01,property=secure,value=on"] if firmware == "secure_boot" else []
    return [
        *secure,
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_OVMF / code}"),
        *("-drive", f"if=pflash,unit=1,format=raw,file={own}"),
    ]


def _disk(server: ServerSpec, disk: Disk, index: int, directory: Path, *, boots: bool) -> list[str]:
    image = directory / f"disk{index}"
    if not image.exists():
        with image.open("wb") as empty:
            empty.truncate(disk.size * 2**20)
    file = str(image)
    # Faults of a disk are those of the first one.
    if server.fault("bad_sector") and not index:
        rules = directory / "bad-sector.conf"
        rule = '[inject-error]\nevent = "none"\nerrno = "5"\niotype = "{}"\nsector = "{}"\nonce = "off"\n'
        rules.write_text("".join(rule.format(kind, BAD_SECTOR) for kind in ("read", "write")), encoding="ascii")
        file = f"blkdebug:{rules}:{image}"
    drive = f"if=none,id=drive{index},format=raw,file={file}"
    slow = server.fault("slow_disk")
    if slow and not index:
        drive += f",throttling.bps-total={slow.option}"
    device = f"{_DEVICES[disk.kind]},id=disk{index},drive=drive{index},serial={disk.serial}"
    return ["-drive", drive, "-device", device + (",bootindex=1" if boots else "")]
