# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the image that a server boots to be validated: kernel, initrd, boot loaders, checksums, bill of materials.

    python3 build.py OUTPUT [--steps DIRECTORY] [--bill BILL] [--check]

Debian packages are fetched through apt as this computer has it set up and are unpacked, not installed. The same
versions of them give the same bytes. A directory that has the image for these inputs is left as it is. What steps of a
site need, they bring: a directory of them may have lists packages.txt and modules.txt, as the one of this file has.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import operator
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

HERE = Path(__file__).resolve().parent
AGENT = HERE.parent / "plugins/module_utils/_validation"
# What the boot service hands out beside the image, by the name it is handed out by: package and file in it.
LOADERS = {
    "undionly.kpxe": ("ipxe", "usr/lib/ipxe/undionly.kpxe"),
    "ipxe.efi": ("ipxe", "boot/ipxe.efi"),
    "shimx64.efi": ("shim-signed", "usr/lib/shim/shimx64.efi.signed"),
    "grubx64.efi": ("grub-efi-amd64-signed", "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"),
}
KERNEL = "linux-image-amd64"
# The time that every file has: a date alone, so that the bytes depend on nothing but the packages and this directory.
EPOCH = 1735689600
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DIRECTORIES = {"dev": 0o755, "etc": 0o755, "proc": 0o555, "run": 0o755, "sys": 0o555, "tmp": 0o1777, "var": 0o755}
# What steps of a site may call beside the packages' own programs; all of it is busybox.
_APPLETS = "awk cat cp cut date dd env expr grep head ls mkdir mv rm rmdir sed seq sh sleep sort tail tr uname uniq wc"
# No shell of this computer is to run them.
_SHELL = b"#!/bin/busybox sh\n"
_DIGEST_IN_IMAGE = "opt/validation/image-digest"
_REFRESH_AFTER_S = 24 * 3600
_PROGRAMS = {"apt-get": "apt", "mmdebstrap": "mmdebstrap", "zstd": "zstd", "depmod": "kmod", "dpkg-deb": "dpkg"}


class Entry(NamedTuple):
    """A file of the image: its path without a leading slash, its mode with the kind of file, and what is in it."""

    path: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


class BuildError(Exception):
    """The image cannot be built; the text says why and what to do."""


def write_cpio(entries: Iterable[Entry], out: BinaryIO) -> None:
    """Write an archive as the kernel unpacks it, which depends on nothing but the entries."""

    def put(number: int, entry: Entry) -> None:
        name = entry.path.encode() + b"\0"
        links = 2 if entry.mode & 0o170000 == 0o040000 else 1
        fields = [number, entry.mode, 0, 0, links, EPOCH, len(entry.content), 0, 0, *entry.device, len(name), 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        out.write(header + name + b"\0" * (-(len(header) + len(name)) % 4))
        out.write(entry.content + b"\0" * (-len(entry.content) % 4))

    number = 0
    for number, entry in enumerate(sorted(entries), start=1):
        put(number, entry)
    put(0, Entry("TRAILER!!!", 0))


def read_list(path: Path) -> list[str]:
    """Read the lines of a list but for comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def listed(name: str, steps: Sequence[Path]) -> list[str]:
    """Read a list of the image, and after it those that lie beside steps of a site."""
    found = dict.fromkeys(read_list(HERE / name))
    for path in (directory / name for directory in steps if (directory / name).is_file()):
        for line in read_list(path):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+._-]*", line):
                raise BuildError(f"{path} has {line!r}, which is no name.")
            found[line] = None
    return list(found)


def from_tar(archive: BinaryIO, left_out: Sequence[str]) -> dict[str, Entry]:
    """Read a tree of unpacked packages with /bin, /lib and the like merged into /usr."""
    found: dict[str, Entry] = {}
    hard_links: dict[str, str] = {}
    with tarfile.open(fileobj=archive, mode="r|*") as tree:
        for member in tree:
            path = _merged(member.name)
            if not path or path in _MERGED or any(fnmatchcase(path, pattern) for pattern in left_out):
                continue
            if member.issym():
                found[path] = Entry(path, 0o120777, member.linkname.encode())
            elif member.islnk():
                hard_links[path] = _merged(member.linkname)
            elif member.isfile():
                found[path] = Entry(path, 0o100000 | member.mode, _read(tree, member))
    for path, target in hard_links.items():
        if target in found:
            found[path] = found[target]._replace(path=path)
    return found


def _read(tree: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tree.extractfile(member)
    return content.read() if content is not None else b""


def _merged(name: str) -> str:
    path = name.strip("./") if name in (".", "./") else name.removeprefix("./").lstrip("/")
    return f"usr/{path}" if path.partition("/")[0] in _MERGED and "/" in path else path


def complete(entries: dict[str, Entry]) -> list[Entry]:
    """Add the directories that entries lie in."""
    above = {str(parent) for path in entries for parent in Path(path).parents} - {"."}
    return [*entries.values(), *(Entry(path, 0o040755) for path in above if path not in entries)]


class Apt:
    """apt with this computer's sources, keys and proxies, and no installed packages; its lists are kept apart."""

    def __init__(self, directory: Path) -> None:
        self._lists = directory / "lists"
        (self._lists / "partial").mkdir(parents=True, exist_ok=True)
        (directory / "archives/partial").mkdir(parents=True, exist_ok=True)
        (directory / "status").touch()
        self._options = [
            f"-oDir::State::Lists={self._lists}",
            f"-oDir::State::status={directory / 'status'}",
            f"-oDir::Cache={directory}",
            "-oAPT::Sandbox::User=root",
            "-oAPT::Install-Recommends=false",
        ]
        self._stamp = directory / "updated"

    def get(self, *words: str, cwd: Path | None = None) -> str:
        return run(["apt-get", *self._options, "--quiet", *words], cwd=cwd).decode()

    def resolve(self, names: Sequence[str]) -> dict[str, str]:
        """Give the versions of packages and of all that they depend on."""
        if not self._stamp.exists() or time.time() - self._stamp.stat().st_mtime > _REFRESH_AFTER_S:
            self.get("update")
            self._stamp.touch()
        found = re.findall(r"^Inst (\S+) \((\S+)", self.get("--simulate", "install", *names), re.MULTILINE)
        return dict(sorted(found))

    def download(self, versions: dict[str, str], directory: Path) -> dict[str, Path]:
        """Fetch packages; gives their files by name."""
        directory.mkdir(parents=True)
        self.get("download", *(f"{name}={version}" for name, version in versions.items()), cwd=directory)
        return {path.name.partition("_")[0]: path for path in directory.glob("*.deb")}


def run(words: Sequence[str], *, cwd: Path | None = None, environment: dict[str, str] | None = None) -> bytes:
    """Run a program and give what it prints."""
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})}, capture_output=True, check=False
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-8:]
        raise BuildError(f"{words[0]} ended with status {done.returncode}:\n" + "\n".join(last))
    return done.stdout


def unpacked(package: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Give path and content of files in a package."""
    words = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as tree,
    ):
        for member in tree:
            path = member.name.removeprefix("./")
            if member.isfile() and wanted(path):
                yield path, _read(tree, member)


def kernel_and_modules(package: Path, names: Sequence[str], place: Path) -> tuple[bytes, dict[str, Entry]]:
    """Give the kernel, and of its modules those that are named, what they need, and the lists modprobe reads."""
    kernel, root = b"", place / "all"
    for path, content in unpacked(package, lambda path: path.startswith(("boot/vmlinuz-", "lib/modules/"))):
        if path.startswith("boot/"):
            kernel = content
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
    (version,) = (path.name for path in (root / "lib/modules").iterdir())
    run(["depmod", "-b", str(root), version])
    needs = {}
    for line in (root / "lib/modules" / version / "modules.dep").read_text(encoding="utf-8").splitlines():
        path, _colon, others = line.partition(":")
        needs[path] = others.split()
    by_name = {Path(path).name.partition(".")[0].replace("-", "_"): path for path in needs}
    built_in = (root / "lib/modules" / version / "modules.builtin").read_text(encoding="utf-8")
    have = {Path(path).name.partition(".")[0].replace("-", "_") for path in built_in.split()}
    missing = [name for name in names if name.replace("-", "_") not in by_name and name.replace("-", "_") not in have]
    if missing:
        raise BuildError(f"Linux {version} has no module {', '.join(missing)}: mend modules.txt.")
    chosen: set[str] = set()
    for name in names:
        if module := by_name.get(name.replace("-", "_")):
            chosen |= {module, *needs[module]}
    some, few = root / "lib/modules" / version, place / "few/lib/modules" / version
    for path in [*sorted(chosen), "modules.order", "modules.builtin", "modules.builtin.modinfo"]:
        (few / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(some / path, few / path)
    run(["depmod", "-b", str(place / "few"), version])
    entries = (path for path in few.rglob("*") if path.is_file())
    names_in = ((f"usr/{path.relative_to(place / 'few')}", path) for path in entries)
    return kernel, {name: Entry(name, 0o100644, path.read_bytes()) for name, path in names_in}


def own_files(steps: Sequence[Path]) -> dict[str, Entry]:
    """Give what the image has beside Debian's packages: its init, the agent, the steps."""
    scripts = {"init": "init", "usr/share/validation/udhcpc": "udhcpc"}
    found = {path: Entry(path, 0o100755, _SHELL + (HERE / name).read_bytes()) for path, name in scripts.items()}
    for path in sorted(AGENT.rglob("*.py")):
        name = f"opt/validation/validation/{path.relative_to(AGENT)}"
        found[name] = Entry(name, 0o100644, path.read_bytes())
    for path in (path for directory in (HERE / "steps", *steps) if directory.is_dir() for path in directory.iterdir()):
        if not path.name[0].isdigit():
            continue  # lists, and what a site keeps beside its steps
        if not re.fullmatch(r"\d\d-[a-z0-9-]+", path.name):
            raise BuildError(f"{path} is no name of a step: two digits, and a name in small letters, as 50-gpu.")
        name = f"opt/validation/steps/{path.name}"
        found[name] = Entry(name, 0o100755, path.read_bytes())
    found.update((name, Entry(name, 0o120777, f"usr/{name}".encode())) for name in ("bin", "sbin", "lib", "lib64"))
    for name in _APPLETS.split():
        found[f"usr/bin/{name}"] = Entry(f"usr/bin/{name}", 0o120777, b"busybox")
    for name, mode in _DIRECTORIES.items():
        found[name] = Entry(name, 0o040000 | mode)
    found["dev/console"] = Entry("dev/console", 0o020600, device=(5, 1))
    found["etc/passwd"] = Entry(
        "etc/passwd", 0o100644, b"root:*:0:0::/:/bin/false\n_lldpd:*:101:101::/run/lldpd:/bin/false\n"
    )
    found["etc/group"] = Entry("etc/group", 0o100644, b"root:*:0:\n_lldpd:*:101:\n")
    return found


def build_base(apt: Apt, versions: dict[str, str], modules: Sequence[str], place: Path, work: Path) -> None:
    """Make what comes from Debian alone: kernel, boot loaders and the first part of the initrd."""
    extra = {name: version for name, version in versions.items() if name in {each for each, _path in LOADERS.values()}}
    (kernel_package,) = (name for name in versions if re.fullmatch(r"linux-image-\d.*", name))
    debs = apt.download({**extra, kernel_package: versions[kernel_package]}, work / "debs")
    kernel, module_files = kernel_and_modules(debs[kernel_package], modules, work / "kernel")
    (place / "vmlinuz").write_bytes(kernel)
    for name, (package, path) in LOADERS.items():
        contents = [content for _path, content in unpacked(debs[package], partial(operator.eq, path))]
        if len(contents) != 1:
            raise BuildError(f"Debian package {package} {versions[package]} has no {path}.")
        (place / name).write_bytes(contents[0])
    (work / "apt.conf").write_text(
        "".join(line + "\n" for line in run(["apt-config", "dump"]).decode().splitlines() if line.startswith("Acquire"))
    )
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    include = [f"{name}={version}" for name, version in versions.items() if name not in extra and "linux-" not in name]
    run(
        [
            *("mmdebstrap", "--quiet", "--variant=extract", "--format=tar", f"--aptopt={work / 'apt.conf'}"),
            *(f"--include={','.join(include)}", _codename(), str(work / "tree.tar")),
            *(str(path) for path in sources if path.suffix in (".list", ".sources") and path.is_file()),
        ],
        environment={"SOURCE_DATE_EPOCH": str(EPOCH)},
    )
    with (work / "tree.tar").open("rb") as tree:
        files = from_tar(tree, read_list(HERE / "left_out.txt"))
    pack(complete({**files, **module_files}), place / "base", level=15)


def pack(entries: Sequence[Entry], path: Path, *, level: int) -> None:
    """Write an archive, compressed by one thread, since more give other bytes."""
    with path.with_suffix(".cpio").open("wb") as archive:
        write_cpio(entries, archive)
    run(
        [
            "zstd",
            f"-{level}",
            "--threads=1",
            "--quiet",
            "--force",
            "--rm",
            str(path.with_suffix(".cpio")),
            "-o",
            str(path),
        ]
    )


class Inputs(NamedTuple):
    """What an image is made of: packages, modules, own files, and the digests of Debian's part and of all."""

    versions: dict[str, str]
    modules: list[str]
    own: dict[str, Entry]
    base_key: str
    key: str


def read_inputs(apt: Apt, steps: Sequence[Path], bill: Path | None) -> Inputs:
    """Find out what the image would be made of now."""
    packages, modules = listed("packages.txt", steps), listed("modules.txt", steps)
    versions = _kept(bill, packages) if bill else _needed(packages, apt)
    inputs = [HERE / name for name in ("build.py", "left_out.txt")]
    base_key = _digest(json.dumps([versions, modules]).encode(), *(path.read_bytes() for path in inputs))
    own = own_files(steps)
    key = _digest(base_key.encode(), repr(sorted(own.items())).encode())
    # What it is made of, since it can't hold its own digest: by this the agent says which image runs.
    own[_DIGEST_IN_IMAGE] = Entry(_DIGEST_IN_IMAGE, 0o100644, f"{key}\n".encode())
    return Inputs(versions, modules, own, base_key, key)


def is_built(output: Path, key: str) -> bool:
    """Return whether the image for these inputs is there."""
    path = output / "image/image-digest"
    return path.exists() and path.read_text(encoding="ascii").strip() == key


def would_build(output: Path, steps: Sequence[Path], bill: Path | None) -> bool:
    """Say whether `build` would make anything; writes nothing but a place for apt, which is removed."""
    _require_programs()
    with tempfile.TemporaryDirectory(prefix="validation-image-") as place:
        return not is_built(output, read_inputs(Apt(Path(place)), steps, bill).key)


def _require_programs() -> None:
    missing = sorted({package for program, package in _PROGRAMS.items() if shutil.which(program) is None})
    if missing:
        raise BuildError(f"missing: apt-get install {' '.join(missing)}")


def build(output: Path, steps: Sequence[Path], bill: Path | None) -> bool:
    """Build the image unless it is there; says whether anything was made."""
    _require_programs()
    output.mkdir(parents=True, exist_ok=True)
    apt = Apt(output / "apt")
    versions, modules, own, base_key, key = read_inputs(apt, steps, bill)
    if is_built(output, key):
        return False
    image, base = output / "image", output / f"base-{base_key[:16]}"
    if not base.exists():
        with tempfile.TemporaryDirectory(dir=output, prefix="building-") as work:
            (Path(work) / "base").mkdir()
            build_base(apt, versions, modules, Path(work) / "base", Path(work))
            for old in output.glob("base-*"):
                shutil.rmtree(old)
            (Path(work) / "base").rename(base)
    with tempfile.TemporaryDirectory(dir=output, prefix="building-") as work:
        made = Path(work) / "image"
        shutil.copytree(base, made)
        pack(complete(own), made / "own", level=15)
        with (made / "base").open("ab") as initrd:
            initrd.write((made / "own").read_bytes())
        (made / "own").unlink()
        (made / "base").rename(made / "initrd")
        (made / "image-digest").write_text(f"{key}\n", encoding="ascii")
        _describe(made, versions, own)
        shutil.rmtree(image, ignore_errors=True)
        made.rename(image)
    return True


def _kept(bill: Path, packages: Sequence[str]) -> dict[str, str]:
    """Take the versions of a bill of materials. Raises BuildError where it lacks a package."""
    versions: dict[str, str] = json.loads(bill.read_text(encoding="utf-8"))["packages"]
    if missing := [name for name in packages if name not in versions]:
        raise BuildError(f"The bill of materials has no {', '.join(missing)}: build without it once.")
    return versions


def _needed(packages: Sequence[str], apt: Apt) -> dict[str, str]:
    """Resolve packages, kernel and boot loaders; of what only the latter depend on nothing is taken."""
    single = {package for package, _path in LOADERS.values()}
    tree = apt.resolve(packages)
    return {
        name: version
        for name, version in apt.resolve([*packages, KERNEL, *single]).items()
        if name in tree or name in single or re.fullmatch(r"linux-image-\d.*", name)
    }


def _describe(made: Path, versions: dict[str, str], own: dict[str, Entry]) -> None:
    files = {entry.path: hashlib.sha256(entry.content).hexdigest() for entry in own.values() if entry.content}
    bill = {"packages": versions, "files": dict(sorted(files.items()))}
    (made / "bill-of-materials.json").write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(made.iterdir())]
    (made / "SHA256SUMS").write_text("".join(sums), encoding="ascii")


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _codename() -> str:
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise BuildError("/etc/os-release names no VERSION_CODENAME: the image is built on Debian.")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the image that a server boots to be validated.")
    parser.add_argument("output", type=Path, help="directory; the image is in its directory image")
    parser.add_argument("--steps", type=Path, action="append", default=[], help="directory with steps of a site")
    parser.add_argument("--bill", type=Path, help="bill of materials whose versions of packages shall be taken")
    parser.add_argument("--check", action="store_true", help="say whether it would be built, and build nothing")
    chosen = parser.parse_args()
    try:
        made = (would_build if chosen.check else build)(chosen.output.resolve(), chosen.steps, chosen.bill)
    except BuildError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    word = "unchanged" if not made else "would be built" if chosen.check else "built"
    sys.stdout.write(f"{word}: {chosen.output.resolve() / 'image'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
