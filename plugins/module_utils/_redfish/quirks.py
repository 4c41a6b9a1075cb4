# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How the BMCs of vendors differ from the standard, as data; each row names the thread that it comes from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .values import at, text_at

IDRAC, ILO, OPENBMC, SUPERMICRO, LENOVO, DMTF = "idrac", "ilo", "openbmc", "supermicro", "lenovo", "dmtf"
VENDORS = (IDRAC, ILO, OPENBMC, SUPERMICRO, LENOVO, DMTF)
_WORDS = {"dell": IDRAC, "idrac": IDRAC, "hpe": ILO, "hp": ILO, "openbmc": OPENBMC, "supermicro": SUPERMICRO,
          "lenovo": LENOVO}  # fmt: skip


@dataclass(frozen=True)
class Quirk:
    """What one vendor does, how it is met, and where it was told."""

    vendor: str
    does: str
    met_by: str
    thread: str


QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        IDRAC,
        "BIOS values without an apply time stay pending for ever",
        "an apply time is always sent",
        "iDRAC-Redfish-Scripting#84, terraform-provider-redfish#231",
    ),
    Quirk(
        IDRAC,
        "with an apply time the change itself makes the job; a second one is refused",
        "no job is made beside the change",
        "quads#726, redfish-ansible-module#66",
    ),
    Quirk(SUPERMICRO, "an apply time is refused (PropertyUnknown)", "it is never sent", "bmclib PR#458"),
    Quirk(
        DMTF,
        "a comparison with what is applied drops the write that matters",
        "what is written is compared with what is pending",
        "bmclib PR#468",
    ),
    Quirk(
        ILO,
        "it does not say whether a change needs a reboot",
        "a value that is pending and not applied needs one",
        "metal-operator#544",
    ),
    Quirk(
        LENOVO,
        "accepted values that conflict are dropped at the reboot, silently",
        "every value is read back after the reboot",
        "python-redfish-lenovo#174",
    ),
    Quirk(
        DMTF,
        "somebody else's values are pending and would be applied with ours",
        "nothing of the BIOS is written, the values are named",
        "metal-operator#291, PR#581",
    ),
    Quirk(
        IDRAC,
        "lockdown that is switched on first refuses all that follows",
        "lockdown is the last change, after all others were read back",
        "infra-controller#4710",
    ),
    Quirk(
        IDRAC,
        "up to 5.00.00.00 the actions of certificates take links as texts, not as objects",
        "links are sent as texts up to that version",
        "iDRAC-Redfish-Scripting, GenerateCsrREDFISH.py and ReplaceCertificateREDFISH.py",
    ),
    Quirk(
        IDRAC,
        "before 5.10.10 a new certificate is shown only once the BMC was reset",
        "a BMC that took a certificate and goes on showing the old one is reset",
        "iDRAC-Redfish-Scripting, ReplaceCertificateREDFISH.py",
    ),
    Quirk(
        ILO,
        "a signing request is made and a certificate taken by HttpsCert; the request is there after up to 10 minutes",
        "HttpsCert is read until it shows another request than before",
        "ilo-rest-api-docs, HpeHttpsCert",
    ),
    Quirk(
        ILO,
        "a signing request has the names that the iLO chooses",
        "the names of the certificate are those that are wanted, not those of the request",
        "ilo-rest-api-docs, HpeHttpsCert.GenerateCSR",
    ),
    Quirk(
        ILO,
        "it resets by itself once it has taken a certificate",
        "it is waited for, and asked over a new connection",
        "servermanagementportal.ext.hpe.com, HPE security service",
    ),
    Quirk(
        IDRAC,
        "each user has protocols of SNMP version 3 of his own, by words of Dell's",
        "each one who may use it is judged; words that are not known are left, and are drift",
        "dellemc.openmanage, idrac_user",
    ),
    Quirk(DMTF, "events are unreliable", "tasks and values are polled", "metal-operator#813"),
)


@dataclass(frozen=True)
class Absence:
    """What BMCs of a vendor never show of a control, and where that is written.

    With `is_gone` there is no such thing at all. Without it there may be, out of Redfish's sight: it stays unknown.
    """

    vendor: str
    control: str
    why: str
    source: str
    is_gone: bool = False


_BMCWEB = "what OpenBMC's bmcweb writes of its Redfish"
ABSENCES: tuple[Absence, ...] = (
    Absence(OPENBMC, "telnet", "OpenBMC has no Telnet", _BMCWEB, is_gone=True),
    Absence(ILO, "telnet", "iLO has had no Telnet since iLO 3", "HP Integrated Lights-Out Security, 7th edition, p. 23",
            is_gone=True),
    *(Absence(OPENBMC, name, "OpenBMC shows no BIOS attributes", _BMCWEB)
      for name in ("boot_mode", "tpm", "usb_boot", "bios_attributes")),
    Absence(OPENBMC, "syslog", "OpenBMC takes no subscription of syslog", _BMCWEB),
    Absence(OPENBMC, "lockdown", "OpenBMC shows no lockdown", _BMCWEB),
    Absence(ILO, "lockdown", "what an iLO has is the Server Configuration Lock, a resource of its own beside the BIOS",
            "HPE's reference of iLO's Redfish, HpeServerConfigLock"),
)  # fmt: skip


def absence_of(vendor: str, control: str) -> Absence | None:
    """Return why a vendor's BMCs never show a control, None where nothing is written about that."""
    return next((each for each in ABSENCES if (each.vendor, each.control) == (vendor, control)), None)


# The newest firmware whose actions of certificates take links as texts.
LINKS_AS_TEXTS: Mapping[str, str] = {IDRAC: "5.00.00.00"}
# Whether an apply time goes with pending BIOS values; others send it where it is offered.
SENDS_APPLY_TIME: Mapping[str, bool] = {IDRAC: True, SUPERMICRO: False}


def vendor_of(root: Any, manager: Any = None) -> str:
    """Return which vendor's BMC this is, DMTF where nothing says so."""
    said = [text_at(root, "Vendor")]
    oem = at(root, "Oem")
    said += [str(key) for key in oem] if isinstance(oem, dict) else []
    said += [text_at(manager, "Manufacturer"), text_at(manager, "Model")]
    for each in said:
        for word, vendor in _WORDS.items():
            if each.lower().startswith(word):
                return vendor
    return DMTF


def apply_time_of(vendor: str, bios: Any) -> str | None:
    """Return the apply time to send with pending BIOS values, None where none is sent."""
    sends = SENDS_APPLY_TIME.get(vendor)
    if sends is None:
        offered = at(bios, "@Redfish.Settings", "SupportedApplyTimes")
        sends = isinstance(offered, list) and "OnReset" in offered
    return "OnReset" if sends else None
