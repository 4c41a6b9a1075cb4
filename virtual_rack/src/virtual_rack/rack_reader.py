# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads rack files; every mistake is one line that names the file and the key."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

from virtual_rack.rack_file import (
    ADMIN_PROFILE,
    DURATIONS,
    ENGINES,
    MAX_IPMI_PASSWORD,
    MAX_IPMI_USERNAME,
    READONLY_PROFILE,
    Bmc,
    CategorySpec,
    HeadNodeSpec,
    ImageSpec,
    MachineSpec,
    NetworkSpec,
    RackSpec,
    Redfish,
    Times,
    User,
    ipmi_can_have,
)
from virtual_rack.redfish.modes import DEFAULT, MODES

T = TypeVar("T")
_LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
_MAC = re.compile(r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")


class RackFileError(Exception):
    """A rack file that cannot be used; the text names file and key."""


class Section:
    """A mapping of the file whose keys are taken one by one; what is left over is a mistake."""

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise RackFileError(f"{where}: expected a mapping, found {_kind(content)}")
        self.where = where
        self._left = dict(content)

    def fail(self, key: str, reason: str) -> RackFileError:
        """Make the error for one key."""
        return RackFileError(f"{self._path(key)}: {reason}")

    def _path(self, key: str) -> str:
        return f"{self.where}.{key}" if not self.where.endswith(":") else f"{self.where} {key}"

    def remaining(self) -> list[str]:
        """Name what was not taken yet."""
        return [str(key) for key in self._left]

    def is_word(self, key: str, word: str) -> bool:
        """Say whether the file gives the key with this one word."""
        return bool(self._left.get(key) == word)

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """Take a value of a kind; without a default the key is required."""
        if key not in self._left:
            if default is None:
                raise self.fail(key, "is required")
            return default
        value = self._left.pop(key)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise self.fail(key, f"expected {_kind_name(kind)}, found {_kind(value)}")
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        """Take a word out of a few."""
        # YAML reads version: 11 as a number and power: on as true; people mean the words.
        value = self._left.pop(key, default)
        word = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
        if word not in allowed:
            raise self.fail(key, f"expected one of {', '.join(allowed)}, found {word!r}")
        return word

    def address(self, key: str, default: str | None = None) -> str:
        """Take an IPv4 address."""
        text = self.take(key, str, default)
        if text == default:
            return text
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            raise self.fail(key, f"not an IPv4 address: {text!r}") from None

    def section(self, key: str) -> Section:
        """Take a mapping; an absent one is empty."""
        return Section(self._left.pop(key, {}), self._path(key))

    def each(self, key: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
        """Take a list, reading each element."""
        values = self.take(key, list, [])
        return tuple(read(value, f"{self._path(key)}[{i}]") for i, value in enumerate(values))

    def end(self) -> None:
        """Refuse keys that nobody took."""
        for key in self._left:
            raise self.fail(str(key), "unknown key")


def read_rack(path: Path) -> RackSpec:
    """Read a rack file. Raises RackFileError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RackFileError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise RackFileError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return rack_from(content, name=str(path))


def rack_from(content: Any, *, name: str = "rack") -> RackSpec:
    """Make a rack out of parsed YAML. Raises RackFileError."""
    top = Section(content, f"{name}:")
    times = _times(top.section("times"), Times())
    machines = top.each("machines", lambda value, where: _machine(Section(value, where), times))
    head_node = _head_node(top.section("head_node"), machines)
    ipmi_port = top.take("ipmi_port", int, RackSpec.ipmi_port)
    if not 0 <= ipmi_port <= 65_535:
        raise top.fail("ipmi_port", "expected 0 to 65535")
    ipmi_timeout_s = top.take("ipmi_timeout_s", float, RackSpec.ipmi_timeout_s)
    if ipmi_timeout_s <= 0:
        raise top.fail("ipmi_timeout_s", "expected a number above 0")
    redfish_port = top.take("redfish_port", int, RackSpec.redfish_port)
    if not 0 <= redfish_port <= 65_535:
        raise top.fail("redfish_port", "expected 0 to 65535")
    top.end()
    for what, values in (("name", [m.name for m in machines]), ("mac", [m.mac for m in machines])):
        _refuse_repeats(values, f"{name}: machines", what)
    _refuse_repeats([m.bmc.address for m in machines], f"{name}: machines", "bmc.address")
    return RackSpec(head_node, machines, ipmi_port=ipmi_port, ipmi_timeout_s=ipmi_timeout_s, redfish_port=redfish_port)


def _refuse_repeats(values: list[str], where: str, what: str) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise RackFileError(f"{where}[{index}].{what}: {value!r} is used twice")
        seen.add(value)


def _times(section: Section, base: Times) -> Times:
    values = {name: section.take(name, float, float(getattr(base, name))) for name in DURATIONS}
    for name, value in values.items():
        if value < 0:
            raise section.fail(name, "a time cannot be negative")
    jitter = section.take("jitter", float, base.jitter)
    if not 0 <= jitter < 1:
        raise section.fail("jitter", "expected 0 or more, and less than 1")
    section.end()
    return Times(**values, jitter=jitter)


def _machine(section: Section, times: Times) -> MachineSpec:
    mac = section.take("mac", str).upper()
    if not _MAC.match(mac):
        raise section.fail("mac", f"not a MAC address: {mac!r}")
    name = section.take("name", str)
    machine = MachineSpec(
        name=name,
        mac=mac,
        bmc=_bmc(section.section("bmc")),
        serial=section.take("serial", str, ""),
        part_number=section.take("part_number", str, ""),
        power=section.choice("power", ("on", "off"), "off") == "on",
        times=_times(section.section("times"), times).of_machine(name),
        management_ip=section.address("management_ip", ""),
        category=section.take("category", str, "default"),
    )
    section.end()
    return machine


def _bmc(section: Section) -> Bmc:
    bmc = Bmc(
        address=section.address("address"),
        username=section.take("username", str),
        password=section.take("password", str),
        engine=section.choice("engine", ENGINES, ENGINES[0]),
        redfish=_redfish(section),
    )
    section.end()
    if bmc.engine == "ipmi":
        _check_ipmi(section, bmc)
    if bmc.redfish is not None:
        _check_loopback(section, bmc, "redfish")
    return bmc


def _redfish(section: Section) -> Redfish | None:
    if "redfish" not in section.remaining():
        return None
    own = section.section("redfish")
    mode = own.choice("mode", tuple(MODES), DEFAULT)
    pending = own.section("pending_bios")
    known = {attribute.name: attribute.values for attribute in MODES[mode].bios}
    values: dict[str, str] = {}
    for name in pending.remaining():
        if name not in known:
            raise pending.fail(name, f"mode {mode} has no such BIOS attribute")
        values[name] = pending.choice(name, known[name], "")
    page_size = own.take("page_size", int, 0)
    if page_size < 0:
        raise own.fail("page_size", "expected 0 or more")
    own.end()
    return Redfish(mode, MappingProxyType(values), page_size)


def _check_loopback(section: Section, bmc: Bmc, what: str) -> None:
    if ipaddress.IPv4Address(bmc.address) not in _LOOPBACK:
        raise section.fail("address", f"{what} listens on this computer only: expected 127.x.x.x, found {bmc.address}")


def _check_ipmi(section: Section, bmc: Bmc) -> None:
    _check_loopback(section, bmc, "engine ipmi")
    for key, account, longest in (
        ("username", (bmc.username, "x"), MAX_IPMI_USERNAME),
        ("password", ("x", bmc.password), MAX_IPMI_PASSWORD),
    ):
        if not ipmi_can_have(*account):
            raise section.fail(key, f"engine ipmi takes 1 to {longest} ASCII characters but no blank, quote, # or \\")


def _head_node(section: Section, machines: tuple[MachineSpec, ...]) -> HeadNodeSpec:
    images = section.each("images", _image) or (ImageSpec("default-image"),)
    spec = HeadNodeSpec(
        hostname=section.take("hostname", str, "bcm-head"),
        version=section.choice("version", ("10", "11"), "11"),
        update_mode=section.choice("update_mode", ("strict", "lenient"), "strict"),
        bulk_calls=section.take("bulk_calls", bool, True),
        unauthenticated=section.choice("unauthenticated", ("html", "errormessage"), "html"),
        denied=section.choice("denied", ("errormessage", "635", "640"), "errormessage"),
        tls_names=section.choice("tls_names", ("match", "mismatch"), "match"),
        bond_members=section.choice("bond_members", ("interfaces", "none"), "interfaces"),
        added_entity=section.choice("added_entity", ("absent", "whole"), "absent"),
        slots=section.take("slots", int, 10),
        reported_version=section.take("reported_version", str, ""),
        licence_days=section.take("licence_days", int, HeadNodeSpec.licence_days),
        licensed_nodes=section.take("licensed_nodes", int, HeadNodeSpec.licensed_nodes),
        certificate_days=section.take("certificate_days", int, HeadNodeSpec.certificate_days),
        images=images,
        networks=section.each("networks", _network),
        categories=_categories(section, images),
        users=section.each("users", _user),
        profiles=_profiles(section.section("profiles")),
        devices=_devices(section, machines),
        passive=section.take("passive", str, ""),
    )
    section.end()
    _check_head_node(section, spec)
    return spec


def _check_head_node(section: Section, spec: HeadNodeSpec) -> None:
    if spec.passive == spec.hostname:
        raise section.fail("passive", f"{spec.passive} is the name of the active head node")
    if not spec.users:
        raise section.fail("users", "at least one user is required")
    if spec.slots < 1:
        raise section.fail("slots", "at least 1 is required")
    if spec.certificate_days < 0:
        raise section.fail("certificate_days", "0 or more is required")
    networks = {network.name for network in spec.networks}
    images = {image.name for image in spec.images}
    for category in spec.categories:
        if category.image not in images:
            raise section.fail("categories", f"{category.name}: no image {category.image!r}")
        if category.network and category.network not in networks:
            raise section.fail("categories", f"{category.name}: no network {category.network!r}")
    for user in spec.users:
        if user.profile not in spec.profiles:
            raise section.fail("users", f"{user.username}: no profile {user.profile!r}")


def _categories(section: Section, images: tuple[ImageSpec, ...]) -> tuple[CategorySpec, ...]:
    given = section.each("categories", lambda value, where: _category(Section(value, where), images[0].name))
    if any(category.name == "default" for category in given):
        return given
    return (CategorySpec("default", images[0].name), *given)


def _category(section: Section, image: str) -> CategorySpec:
    category = CategorySpec(
        name=section.take("name", str),
        image=section.take("image", str, image),
        network=section.take("network", str, ""),
        bmc_username=section.take("bmc_username", str, ""),
        bmc_password=section.take("bmc_password", str, ""),
    )
    section.end()
    return category


def _image(value: Any, where: str) -> ImageSpec:
    if isinstance(value, str):
        return ImageSpec(value)
    section = Section(value, where)
    image = ImageSpec(section.take("name", str), section.take("kernel_version", str, ImageSpec("").kernel_version))
    section.end()
    return image


def _network(value: Any, where: str) -> NetworkSpec:
    section = Section(value, where)
    network = NetworkSpec(
        name=section.take("name", str),
        base_address=section.address("base_address"),
        netmask_bits=section.take("netmask_bits", int),
        management=section.take("management", bool, False),
        bootable=section.take("bootable", bool, False),
        domain_name=section.take("domain_name", str, ""),
        gateway=section.address("gateway", "0.0.0.0"),
    )
    section.end()
    if not 0 <= network.netmask_bits <= 32:
        raise section.fail("netmask_bits", "expected 0 to 32")
    return network


def _user(value: Any, where: str) -> User:
    section = Section(value, where)
    user = User(
        username=section.take("username", str),
        password=section.take("password", str),
        profile=section.take("profile", str, "admin"),
    )
    section.end()
    return user


def _profiles(section: Section) -> Mapping[str, tuple[str, ...]]:
    profiles = {"admin": ADMIN_PROFILE, "readonly": READONLY_PROFILE}
    for name in section.remaining():
        profiles[name] = tuple(str(pattern) for pattern in section.take(name, list))
    return MappingProxyType(profiles)


def _devices(section: Section, machines: tuple[MachineSpec, ...]) -> tuple[str, ...]:
    names = tuple(machine.name for machine in machines)
    if section.is_word("devices", "all"):
        section.take("devices", str)
        return names
    devices = section.each("devices", lambda value, _where: str(value))
    for device in devices:
        if device not in names:
            raise section.fail("devices", f"no machine is called {device!r}")
    return devices


def _kind_name(kind: type) -> str:
    names = {str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "a mapping"}
    return names.get(kind, kind.__name__)


def _kind(value: Any) -> str:
    return "nothing" if value is None else _kind_name(type(value))
