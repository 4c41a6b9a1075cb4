# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates of firmware, against BMCs of the rack of all vendors: what is sent, what is waited for, what is said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.errors import ClaimLost, RedfishConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.firmware_servers import update_firmware
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.fleet import Batch
from ansible_collections.baremetal.bcm.tests.conformance.redfish_room import Room
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import on_loopback
from ansible_collections.baremetal.bcm.tests.unit.plugins.served_files import files_in
from ansible_collections.baremetal.bcm.tests.unit.virtual_rack.redfish_wire import PASSWORD, USERNAME
from virtual_rack.redfish.messages import refused
from virtual_rack.redfish.modes import MODES
from virtual_rack.redfish.updates import MAGIC, PUSH

NEW = {"bmc": ("BMC", "1.11.0"), "bios": ("BIOS", "2.20.1"), "nic": ("NIC", "22.5.0")}


class Updates:
    """Updates one server of a mode."""

    def __init__(self, directory: Path, mode: str, **options: Any) -> None:
        self.room = Room(directory, mode, **options)
        self.mode, self.directory = MODES[mode], directory
        self.nic = next(each.member for each in self.mode.firmware if each.component == "NIC")

    def image(self, name: str, inside: str = "", **options: Any) -> dict[str, Any]:
        """An entry of the option `firmware`, and its file."""
        component, newer = NEW[name]
        content = f"{MAGIC} {component} {inside or newer}\n".encode() + b"x" * 1000
        path = self.directory / f"{name}.bin"
        path.write_bytes(content)
        return {
            "component": self.nic if name == "nic" else name,
            "version": f">={newer}",
            "file": str(path),
            "url": None,
            "sha256": hashlib.sha256(content).hexdigest(),
            "device_types": [],
            "targets": [],
            **options,
        }

    def run(
        self,
        *images: dict[str, Any],
        check: bool = False,
        guard: Callable[[str], None] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        nothing = dict.fromkeys(("username", "password", "tls_fingerprint", "serial", "device_type"))
        server = {"name": "node1", "address": "127.0.20.1", "state": options.pop("state", "staged")}
        params = {
            "servers": [{**nothing, **server}],
            "username": USERNAME,
            "password": PASSWORD,
            "ca_path": None,
            "validate_certs": True,
            "timeout": 30.0,
            "firmware": list(images),
            "allow_downgrade": False,
            "allow_reboot": True,
            "max_rebooting": 8,
            "max_failures": None,
            "update_timeout": 3600.0,
            "reboot_timeout": 1800.0,
            "lock_path": str(self.directory / "locks"),
            **options,
        }
        batch = Batch(deadline_s=7200, read_only=check, guard=guard, http_transport=self.room)
        return update_firmware(params, batch, self.room.clock)

    def one(self, *images: dict[str, Any], **options: Any) -> dict[str, Any]:
        server: dict[str, Any] = self.run(*images, **options)["servers"]["node1"]
        return server

    @property
    def pushes(self) -> int:
        return sum(path == PUSH for _method, path in self.room.sent)


Make = Callable[..., Updates]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda mode="dmtf", **options: Updates(tmp_path, mode, **options)


@pytest.mark.parametrize("mode", MODES)
def test_all_components_are_brought_to_what_is_wanted_bmc_first_and_a_second_run_sends_nothing(
    make: Make, mode: str
) -> None:
    updates = make(mode)
    wanted = [updates.image(name) for name in ("nic", "bios", "bmc")]

    checked = updates.run(*wanted, check=True)
    assert updates.room.sent == []
    first = updates.run(*wanted)
    sent = len(updates.room.sent)
    second = updates.run(*wanted)

    server = first["servers"]["node1"]
    assert first["failures"] == {}, first["failures"]
    assert [each["component"] for each in server["updated"]] == ["bmc", "bios", updates.nic]
    assert dict(updates.room.versions) == dict(NEW.values())
    assert (server["unmet"], server["rebooted"]) == ([], True)
    assert server["versions"] == {"bmc": "1.11.0", "bios": "2.20.1", updates.nic: "22.5.0"}
    assert (checked["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert checked["diff"] == first["diff"]
    assert checked["servers"]["node1"]["plan"] == server["plan"]
    assert len(updates.room.sent) == sent
    assert updates.pushes == 3
    assert updates.room.wire.bmc.sessions.all == []


@pytest.mark.parametrize("mode", MODES)
def test_a_failed_update_says_why_and_which_version_is_there_and_those_after_it_are_not_begun(
    make: Make, mode: str
) -> None:
    updates = make(mode)
    updates.room.fault("firmware_fails")

    server = updates.one(updates.image("bmc"), updates.image("bios"))

    assert "bmc was not updated to >=1.11.0: The image could not be written; 1.10.0 is there still" in server["error"]
    assert (server["unmet"], server["updated"], updates.pushes) == (["bmc", "bios"], [], 1)
    assert not list((updates.directory / "locks").glob("*.json"))


@pytest.mark.parametrize(
    ("mode", "component"),
    [("idrac", "bmc"), ("idrac", "bios"), ("openbmc", "bmc"), ("supermicro", "bios"), ("ilo", "nic")],
)
@pytest.mark.parametrize("fault", ["redfish_answer_lost", "redfish_resets"])
def test_where_the_answer_to_the_image_is_lost_it_is_read_what_became_of_it(
    make: Make, mode: str, component: str, fault: str
) -> None:
    updates = make(mode)
    updates.room.fault(fault, path=PUSH, times=1)

    server = updates.one(updates.image(component))

    assert (server["error"], server["unmet"]) == ("", [])
    # An image that was taken is not sent again; one that was not, is.
    assert updates.pushes == 1


@pytest.mark.parametrize(("state", "allow"), [("active", True), ("", True), ("staged", False)])
def test_a_server_that_may_be_in_use_gets_the_bmcs_firmware_and_nothing_that_takes_a_boot(
    make: Make, state: str, allow: bool
) -> None:
    updates = make()

    server = updates.one(updates.image("bmc"), updates.image("bios"), state=state, allow_reboot=allow)

    assert [each["component"] for each in server["updated"]] == ["bmc"]
    assert (server["error"], server["unmet"], server["rebooted"]) == ("", ["bios"], False)
    assert "needs a reboot" in server["left"]["bios"]
    assert updates.pushes == 1


def test_an_image_that_is_another_one_stops_all_before_anything_is_sent(make: Make) -> None:
    updates = make()

    with pytest.raises(RedfishConfigError, match="which is not the one that was given; nothing was sent"):
        updates.run(updates.image("bmc"), {**updates.image("bios"), "sha256": "0" * 64})

    assert updates.room.sent == []


def test_an_image_that_is_changed_after_its_checksum_was_verified_is_not_sent(make: Make) -> None:
    updates = make()
    image = updates.image("bios")
    logins = [0]

    def change(request: httpx.Request) -> None:
        # The first talk reads and plans; the second one sends.
        logins[0] += request.method == "POST" and request.url.path.endswith("/Sessions")
        if logins[0] == 2:
            Path(image["file"]).write_text(f"{MAGIC} BIOS 6.6.6\n", encoding="ascii")

    updates.room.before = change
    server = updates.one(image)

    assert "was changed since its checksum was verified" in server["error"]
    assert (server["unmet"], updates.pushes, updates.room.versions["BIOS"]) == (["bios"], 0, "2.10.0")


def not_held(name: str) -> None:
    raise ClaimLost(f"{name}: this run has lost its claim")


def not_reached(request: httpx.Request) -> None:
    if request.url.path == PUSH:
        raise httpx.ConnectError("connection refused", request=request)


@pytest.mark.parametrize("why", ["the claim is lost", "the BMC is not reached", "the BMC refuses it"])
def test_where_no_bmc_can_have_taken_an_image_none_was_sent_and_nothing_has_changed(make: Make, why: str) -> None:
    updates = make()
    targets = ["/redfish/v1/Systems/none"] if why == "the BMC refuses it" else []
    if why == "the BMC is not reached":
        updates.room.before = not_reached

    guard = not_held if why == "the claim is lost" else None
    result = updates.run(updates.image("bios", targets=targets), guard=guard)

    server = result["servers"]["node1"]
    assert server["failure"]
    assert server["phase"] == "update"
    assert (result["changed"], server["sent"], server["unmet"]) == (False, False, ["bios"])
    # A task that is found later is not taken for that of an update of ours.
    assert not list((updates.directory / "locks").glob("*.json"))


@pytest.mark.parametrize("fault", ["redfish_answer_lost", "an error inside"])
def test_an_image_that_the_bmc_may_have_taken_was_sent(make: Make, fault: str) -> None:
    updates = make()

    def break_down(parameters: dict[str, Any], image: bytes) -> Any:
        raise refused(500, "GeneralError", f"no room for {len(image)} bytes by {parameters}")

    if fault == "an error inside":
        updates.room.wire.bmc.updates.push = break_down  # type: ignore[method-assign]
    else:
        updates.room.fault(fault, path=PUSH, times=1)
        updates.room.fault("firmware_fails")

    result = updates.run(updates.image("bios"))

    server = result["servers"]["node1"]
    assert (server["failure"], result["changed"], server["sent"]) == ("refused", True, True)


def test_what_was_sent_before_a_refused_image_is_not_forgotten(make: Make) -> None:
    updates = make()

    server = updates.one(updates.image("bmc"), updates.image("bios", targets=["/redfish/v1/Systems/none"]))

    assert [each["component"] for each in server["updated"]] == ["bmc"]
    assert (server["sent"], server["unmet"]) == (True, ["bios"])


def test_an_older_version_is_sent_only_with_leave(make: Make) -> None:
    updates = make()
    older = updates.image("bios", "2.9.0", version="==2.9.0")

    refused = updates.one(older)
    allowed = updates.one(older, allow_downgrade=True)

    assert "newer than ==2.9.0: allow_downgrade" in refused["left"]["bios"]
    assert (refused["error"], refused["unmet"]) == ("", ["bios"])
    assert updates.room.versions["BIOS"] == "2.9.0"
    assert allowed["unmet"] == []


def test_an_image_with_another_version_inside_is_told(make: Make) -> None:
    updates = make()

    server = updates.one(updates.image("nic", "22.1.0"))

    assert "it has 22.1.0 now, which is not >=22.5.0: is it the right image?" in server["error"]


def test_somebody_elses_update_is_left_alone(make: Make) -> None:
    updates = make()
    updates.room.wire.push(f"{MAGIC} BIOS 3.0.0\n".encode())

    server = updates.one(updates.image("bios"))

    assert "nothing was sent: 1 of its tasks have not ended" in server["error"]
    assert updates.pushes == 0


def test_bios_values_that_wait_for_the_boot_are_not_brought_by_ours(make: Make) -> None:
    updates = make("supermicro")
    updates.room.wire.bmc.bios.pending = {"QuietBoot": "Unchecked"}

    server = updates.one(updates.image("bios"))

    assert "BIOS values wait for its next boot: QuietBoot" in server["error"]
    assert updates.pushes == 0


class Killed(BaseException):
    """The end of a run that is killed."""


@pytest.mark.parametrize("mode", ["idrac", "lenovo"])
@pytest.mark.parametrize("component", ["bmc", "bios"])
@pytest.mark.parametrize("later_s", [3, 150])
def test_a_run_after_one_that_was_killed_sends_nothing_twice(
    make: Make, mode: str, component: str, later_s: float
) -> None:
    updates = make(mode)
    image = updates.image(component)
    asked = [0]

    def die(_request: httpx.Request) -> None:
        asked[0] += updates.pushes > 0
        if asked[0] == 3:
            raise Killed

    updates.room.before = die
    with pytest.raises(Killed):
        updates.run(image)
    updates.room.before = lambda _request: None
    updates.room.clock.sleep(later_s)

    server = updates.one(image)

    assert (server["error"], server["unmet"], updates.pushes) == ("", [], 1)
    assert not list((updates.directory / "locks").glob("*.json"))


def test_a_server_that_is_off_is_switched_on(make: Make) -> None:
    updates = make("idrac", power="off")

    assert updates.one(updates.image("bios"))["unmet"] == []


def test_a_bmc_that_hangs_in_its_restart_is_given_up_after_ten_minutes(make: Make) -> None:
    updates = make()
    updates.room.fault("redfish_reboot_hangs")

    server = updates.one(updates.image("bmc"))

    assert "has not answered for 600 s" in server["error"]
    assert 600 < updates.room.clock.now_s() < 900


def test_a_component_that_the_bmc_does_not_show_is_named(make: Make) -> None:
    updates = make()

    server = updates.one(updates.image("nic", component="PSU"))

    assert (server["left"], server["unmet"]) == ({"PSU": "the BMC shows no firmware of that name"}, ["PSU"])


def test_an_image_larger_than_the_bmc_takes_is_refused_before_it_is_sent(make: Make) -> None:
    updates = make()
    image = updates.image("bios")
    updates.room.wire.bmc.tree.document("/redfish/v1/UpdateService")["MaxImageSizeBytes"] = 100

    assert "takes images of up to 100 bytes" in updates.one(image)["error"]
    assert updates.pushes == 0


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[str]:
    """Serve the images by HTTP on loopback."""
    with on_loopback(files_in(tmp_path)) as url:
        yield url


@pytest.mark.parametrize("mode", ["idrac", "dmtf"])
def test_an_image_that_is_given_as_url_is_fetched_by_the_bmc(make: Make, mode: str, serve: str) -> None:
    updates = make(mode)
    images = [updates.image(name, file=None, url=f"{serve}/{name}.bin") for name in ("bios", "bmc")]

    server = updates.one(*images)

    assert (server["error"], server["unmet"], updates.pushes) == ("", [], 0)
    assert sum(path.endswith("SimpleUpdate") for _method, path in updates.room.sent) == 2


def test_a_bmc_that_takes_no_image_this_way_says_which_way_it_does(make: Make) -> None:
    updates = make()
    service = updates.room.wire.bmc.tree.document("/redfish/v1/UpdateService")
    del service["MultipartHttpPushUri"]
    service["Actions"]["#UpdateService.SimpleUpdate"]["TransferProtocol@Redfish.AllowableValues"] = ["NFS"]

    assert "takes no image that is sent to it; give it as url" in updates.one(updates.image("bios"))["error"]
    by_url = updates.image("bios", file=None, url="http://127.0.0.1:9/bios.bin")
    assert "fetches no image by HTTP; give it as file" in updates.one(by_url)["error"]
    assert updates.room.sent == []


def test_what_takes_a_boot_is_told_to_wait_for_it_where_a_bmc_would_reboot_at_once(make: Make) -> None:
    updates = make()
    service = updates.room.wire.bmc.tree.document("/redfish/v1/UpdateService")
    service["@Redfish.OperationApplyTimeSupport"] = {"SupportedValues": ["Immediate", "OnReset"]}
    told: list[dict[str, Any]] = []
    push = updates.room.wire.bmc.updates.push

    def note(parameters: dict[str, Any], image: bytes) -> Any:
        told.append(parameters)
        return push(parameters, image)

    updates.room.wire.bmc.updates.push = note  # type: ignore[method-assign]
    updates.one(updates.image("bmc"), updates.image("bios", targets=["/redfish/v1/Systems/1"]))

    later = {"@Redfish.OperationApplyTime": "OnReset"}
    assert told == [{"Targets": []}, {"Targets": ["/redfish/v1/Systems/1"], **later}]
