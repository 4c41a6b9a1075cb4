# SPDX-License-Identifier: GPL-3.0-or-later
"""Defects of the scripts that the tap takes the place of, as far as they concern it."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import vendor
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.__main__ import parse
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.bpf import dhcp_replies
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.frame import Reason, Rejected
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.packet import read_frame
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.recorder import Notification, Recorder
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.vendor import vendor_filter
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.webhook import WebhookConfigError, webhook_post
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.packets import ACKED, REAL, Packet, tlv
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._dhcp_tap.test_bpf import run


def test_defect_01_an_acknowledgement_to_a_relay_passes_the_filter_and_is_seen() -> None:
    relayed = Packet(destination_port=67, giaddr="192.0.2.2").with_options((82, tlv([(1, b"port 7")])))
    for frame in (relayed.frame(), REAL["dnsmasq to dhcrelay"][0]):
        seen = read_frame(frame)
        assert run(dhcp_replies(), frame)
        assert isinstance(seen, Sighting)
        assert seen.relay
        assert seen.circuit_id


def _notify(tmp_path: Path, acknowledgements: int) -> tuple[Recorder, list[Notification]]:
    now_s = 1000.0
    notifications: list[Notification] = []
    recorder = Recorder(lambda: Spool(tmp_path / "spool", lambda: now_s), notifications.append, lambda: now_s)
    seen = read_frame(Packet().frame())
    assert isinstance(seen, Sighting)
    recorder.step()
    for _time in range(acknowledgements):
        now_s += 0.1
        recorder.take([seen])
        recorder.step()
    return recorder, notifications


def test_defect_02_the_kernel_filters_and_a_thousand_acknowledgements_are_few_rows_few_notifications_and_no_process(
    tmp_path: Path,
) -> None:
    threads = threading.active_count()
    assert run(dhcp_replies(), Packet(protocol=6).frame()) == 0
    recorder, notifications = _notify(tmp_path, 1000)
    with Spool(tmp_path / "spool") as spool:
        assert spool.stats().rows == 1
        assert spool.stats().coalesced <= 10
    assert recorder.counts["duplicate"] + recorder.counts["limited"] >= 990
    assert len(notifications) <= 10
    assert threading.active_count() == threads


def test_defect_03_the_answer_to_a_dhcpinform_is_no_sighting() -> None:
    informed = Packet(yiaddr="0.0.0.0", options=ACKED[:2])
    assert read_frame(informed.frame()) == Rejected(Reason.NO_ADDRESS)


def test_defect_04_what_is_seen_without_a_listener_is_kept_through_restarts_and_notified_until_it_is_taken(
    tmp_path: Path,
) -> None:
    _notify(tmp_path, 1)
    now_s = 2000.0
    notifications: list[Notification] = []
    recorder = Recorder(lambda: Spool(tmp_path / "spool", lambda: now_s), notifications.append, lambda: now_s)
    for _second in range(3600):
        now_s += 1
        recorder.step()
    assert len(notifications) == 60
    with Spool(tmp_path / "spool", lambda: now_s) as spool:
        leased = spool.lease(10, 60, "NetBox is back")
        assert [row.item.ip for row in leased] == ["192.0.2.10"]


def test_defect_14_there_is_no_default_token_a_token_needs_tls_and_a_strangers_text_stays_out_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert parse(["--interface", "eth1", "--spool", "spool"]).token_file is None
    with pytest.raises(WebhookConfigError, match="use https"):
        webhook_post("http://192.0.2.1/", token="s3cret")
    caplog.set_level(logging.DEBUG)
    recorder, _notifications = _notify(tmp_path, 0)
    hostile = read_frame(
        Packet().with_options((12, b"x\nERROR event=forged {{ 7*7 }}"), (60, b"$(reboot)\x1b[2J")).frame()
    )
    assert isinstance(hostile, Sighting)
    assert hostile.hostname == "x-error-event-forged-7-7"
    assert hostile.vendor_class == "??reboot???2J"
    recorder.take([hostile])
    recorder.step()
    assert "forged" not in caplog.text
    assert "reboot" not in caplog.text


@pytest.mark.parametrize(
    ("mac", "name"),
    [
        ("a0:36:9f:00:00:01", "Intel"),
        ("b4:96:91:00:00:01", "Intel"),
        ("3c:a8:2a:00:00:01", "Hewlett"),
        ("14:18:77:00:00:01", "Dell"),
        ("18:fb:7b:00:00:01", "Dell"),
        ("d0:94:66:00:00:01", "Dell"),
    ],
)
def test_defect_15_vendors_are_those_of_the_ieees_list(mac: str, name: str) -> None:
    assert vendor.NETADDR_IMPORT_ERROR is None
    assert name in vendor.vendor_of(mac)


def test_defect_15_the_vendor_is_only_a_hint_and_an_unknown_one_is_seen_all_the_same() -> None:
    unknown = Sighting(mac="02:00:00:00:00:0a", ip="192.0.2.1")
    assert vendor_filter([])(unknown)
    assert vendor_filter([])(replace(unknown, mac="a0:36:9f:00:00:01"))
