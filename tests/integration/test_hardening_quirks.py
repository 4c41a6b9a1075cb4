# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What BMCs do that users paid for, each met on a BMC of the virtual rack that does it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.vendors import (
    VendorRack,
    findings,
    machine_of,
    vendor_rack,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import Result

MACHINES = (
    machine_of("dmtf", 1),
    machine_of("dmtf", 2),
    machine_of("lenovo", 3),
    machine_of("supermicro", 4, pending_bios={"QuietBoot": "Unchecked"}),
    machine_of("idrac", 5, page_size=1),
    machine_of("ilo", 6),
    machine_of("idrac", 7),
    machine_of("dmtf", 8),
)
SYSTEM, MANAGER = "/redfish/v1/Systems/1", "/redfish/v1/Managers/1"


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorRack]:
    with vendor_rack(tmp_path_factory.mktemp("quirks"), MACHINES) as found:
        yield found


@pytest.fixture(autouse=True)
def _whole(rack: VendorRack) -> Iterator[None]:
    """Begin without faults, and leave no session behind, whatever happened."""
    rack.rack.repair()
    rack.forget()
    yield
    rack.rack.repair()
    assert set(rack.sessions().values()) == {0}


def only(**controls: Any) -> dict[str, Any]:
    return {"inherits": None, "controls": controls}


def state_of(result: Result, name: str) -> dict[str, str]:
    return {control: state for control, (state, _message) in findings(result)[name].items()}


def test_an_audit_finds_the_account_of_the_factory_on_a_later_page(rack: VendorRack) -> None:
    found = rack.audit("idrac-05", profile=only(factory_accounts_off=["root"]))

    assert state_of(found, "idrac-05") == {"factory_accounts_off": "drift"}, findings(found)


def test_idracs_values_come_with_the_boot_by_the_job_that_the_change_itself_made(rack: VendorRack) -> None:
    done = rack.harden("idrac-07", profile=only(boot_mode="uefi", tpm=True))

    assert done["failures"] == {}
    assert state_of(done, "idrac-07") == {"boot_mode": "compliant", "tpm": "compliant"}
    # The change and the reset.
    assert rack.counted("writes")["idrac-07"] == 2


def test_hpes_silence_about_reboots_is_no_reason_not_to_reboot(rack: VendorRack) -> None:
    done = rack.harden("ilo-06", profile=only(boot_mode="uefi"))

    assert done["servers"]["ilo-06"]["rebooted"]
    assert state_of(done, "ilo-06") == {"boot_mode": "compliant"}


def test_values_that_lenovo_drops_because_they_conflict_are_named(rack: VendorRack) -> None:
    attributes = {"LegacyBIOS_LegacyBIOS": "Enabled"}

    done = rack.harden("lenovo-03", profile=only(boot_mode="uefi", tpm=True, bios_attributes=attributes))

    message = done["failures"]["lenovo-03"]
    assert "after the reboot the server has not kept boot_mode (Attributes.BootModes_SystemBootMode)" in message
    assert "bios_attributes (Attributes.LegacyBIOS_LegacyBIOS)" in message
    assert done["servers"]["lenovo-03"]["failure"] == "not_kept"
    assert state_of(done, "lenovo-03") == {"boot_mode": "drift", "tpm": "compliant", "bios_attributes": "drift"}


def test_secure_boot_is_not_waited_for_where_its_boot_mode_is_refused(rack: VendorRack) -> None:
    rack.harden("dmtf-08", profile=only(bios_attributes={"LegacyVideo": "Enabled"}))
    rack.forget()

    done = rack.harden("dmtf-08", profile=only(boot_mode="uefi", secure_boot=True))

    assert "boot_mode: could not change" in done["failures"]["dmtf-08"]
    assert "secure_boot: not written, because boot_mode was not" in done["failures"]["dmtf-08"]
    assert (done["servers"]["dmtf-08"]["failure"], done["servers"]["dmtf-08"]["phase"]) == ("not_kept", "bios")
    assert rack.counted("writes")["dmtf-08"] == 0


def test_somebody_elses_pending_values_are_named_and_nothing_is_written(rack: VendorRack) -> None:
    done = rack.harden("supermicro-04", profile=only(boot_mode="uefi", ssh=False))

    assert "somebody else's BIOS values are pending: QuietBoot" in done["failures"]["supermicro-04"]
    assert rack.counted("writes")["supermicro-04"] == 0


def test_supermicro_is_sent_no_apply_time(rack: VendorRack) -> None:
    mine = only(boot_mode="uefi", bios_attributes={"QuietBoot": "Unchecked"})

    done = rack.harden("supermicro-04", profile=mine)

    assert done["failures"] == {}
    assert set(state_of(done, "supermicro-04").values()) == {"compliant"}


def test_a_good_value_that_the_next_boot_would_take_away_is_written_again(rack: VendorRack) -> None:
    rack.harden("dmtf-01", profile=only(boot_mode="uefi"))
    rack.change("dmtf-01", f"{SYSTEM}/Bios/Settings", {"Attributes": {"BootMode": "Legacy"}})
    rack.forget()

    done = rack.harden("dmtf-01", profile=only(boot_mode="uefi"))

    assert [change["control"] for change in done["servers"]["dmtf-01"]["written"]] == ["boot_mode"]
    assert state_of(done, "dmtf-01") == {"boot_mode": "compliant"}
    assert rack.read("dmtf-01", f"{SYSTEM}/Bios/Settings")["Attributes"]["BootMode"] == "Uefi"


def test_a_value_that_is_on_its_way_is_not_written_again(rack: VendorRack) -> None:
    rack.change("dmtf-02", f"{SYSTEM}/Bios/Settings", {"Attributes": {"BootMode": "Uefi"}})
    rack.forget()

    done = rack.harden("dmtf-02", profile=only(boot_mode="uefi"))

    assert done["servers"]["dmtf-02"]["written"] == []
    assert state_of(done, "dmtf-02") == {"boot_mode": "compliant"}
    # The reset alone.
    assert rack.counted("writes")["dmtf-02"] == 1


def test_what_changed_since_it_was_read_is_read_again_and_written_once(rack: VendorRack) -> None:
    rack.rack.break_something("redfish_wrong_etag", node="dmtf-01", times=1)

    done = rack.harden("dmtf-01", profile=only(session_timeout=900))

    assert done["failures"] == {}
    assert state_of(done, "dmtf-01") == {"session_timeout": "compliant"}
    assert rack.counted("writes")["dmtf-01"] == 1


def test_a_bmc_that_is_busy_is_asked_again_when_it_says_and_not_before(rack: VendorRack) -> None:
    rack.rack.break_something("redfish_unavailable", node="dmtf-01", path=MANAGER, times=1, retry_after=30)
    before_s = rack.rack.now_s()

    done = rack.audit("dmtf-01", profile=only(ssh=True))

    assert done["failures"] == {}
    assert rack.rack.now_s() - before_s >= 30


def test_a_write_whose_answer_is_lost_is_found_to_be_there(rack: VendorRack) -> None:
    rack.rack.break_something("redfish_answer_lost", node="dmtf-01", method="PATCH", times=1)

    done = rack.harden("dmtf-01", profile=only(session_timeout=600))

    assert done["failures"] == {}
    assert state_of(done, "dmtf-01") == {"session_timeout": "compliant"}


def test_a_success_that_changes_nothing_is_not_believed(rack: VendorRack) -> None:
    rack.rack.break_something("redfish_ignores_writes", node="dmtf-01", method="PATCH")

    done = rack.harden("dmtf-01", profile=only(ssdp=False, boot_mode="legacy"))

    assert done["servers"]["dmtf-01"]["failure"] == "not_kept"
    assert "did not keep boot_mode" in done["failures"]["dmtf-01"]
    assert "did not keep ssdp" in done["failures"]["dmtf-01"]
    assert not done["servers"]["dmtf-01"]["rebooted"]


def test_lockdown_comes_last_and_where_it_is_to_be_off_first(rack: VendorRack) -> None:
    locked = rack.harden("idrac-07", profile=only(ssh=False, http=False, lockdown=True))
    opened = rack.harden("idrac-07", profile=only(ssh=True, lockdown=False))

    assert locked["failures"] == opened["failures"] == {}
    assert [change["control"] for change in locked["servers"]["idrac-07"]["written"]] == ["ssh", "http", "lockdown"]
    assert [change["control"] for change in opened["servers"]["idrac-07"]["written"]] == ["lockdown", "ssh"]
    assert set(state_of(opened, "idrac-07").values()) == {"compliant"}


def test_each_user_of_an_idrac_has_protocols_of_snmp_of_his_own(rack: VendorRack) -> None:
    wanted = only(snmp_v3={"authentication": "HMAC_SHA96", "encryption": "CFB128_AES128"})
    assert state_of(rack.audit("idrac-05", profile=wanted), "idrac-05") == {"snmp_v3": "compliant"}
    weak = {"ProtocolEnable": "Enabled", "AuthenticationProtocol": "MD5", "PrivacyProtocol": "DES"}
    attributes = {"Attributes": {f"Users.2.{name}": word for name, word in weak.items()}}
    rack.change("idrac-05", "/redfish/v1/Managers/iDRAC.Embedded.1/Attributes", attributes)

    done = rack.harden("idrac-05", profile=wanted)
    stronger = rack.audit("idrac-05", profile=only(snmp_v3={"authentication": "HMAC192_SHA256"}))

    assert done["compliant"] == ["idrac-05"], done
    assert {change["property"]: change["after"] for change in done["servers"]["idrac-05"]["written"]} == {
        "Attributes.Users.2.AuthenticationProtocol": "SHA",
        "Attributes.Users.2.PrivacyProtocol": "AES",
    }
    (state, message) = findings(stronger)["idrac-05"]["snmp_v3"]
    assert (state, "MD5 and SHA are known" in message) == ("drift", True)


def test_sessions_end_also_where_the_talk_does_not(rack: VendorRack) -> None:
    rack.rack.break_something("redfish_resets", node="dmtf-02", path=f"{MANAGER}/NetworkProtocol")

    done = rack.audit("dmtf-02", profile=only(ssh=False), fail_on_error=False)

    # The fixture finds no session afterwards.
    assert done["servers"]["dmtf-02"]["failure"] == "unreachable"


def test_a_full_table_of_sessions_is_no_wrong_password(rack: VendorRack) -> None:
    rack.rack.break_something("redfish_sessions_full", node="dmtf-02")

    done = rack.audit("dmtf-02", profile=only(ssh=True))

    assert done["failures"] == {}
    assert rack.counted("refused_logins")["dmtf-02"] == 0


def test_a_bmc_that_is_away_amid_the_changes_is_waited_for(rack: VendorRack) -> None:
    # More often than one request is sent again; iLO starts anew, too, when its security state is changed.
    rack.rack.break_something("redfish_resets", node="ilo-06", method="PATCH", times=5)

    done = rack.harden("ilo-06", profile=only(tls="1.2", http=False, ssdp=False, ntp=["10.0.0.1"]))

    assert done["failures"] == {}
    assert set(state_of(done, "ilo-06").values()) == {"compliant"}
