# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The vendor of a network card, by the IEEE's list in netaddr. A hint: vendors buy each other's cards.

The only file that imports netaddr; without it, nothing is hinted. Debian's python3-netaddr reads the list of the
package ieee-data, which `update-ieee-data` brings up to date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from .packet import clean_text
from .sighting import Sighting

try:
    from netaddr import OUI, NotRegisteredError

    NETADDR_IMPORT_ERROR: ImportError | None = None
except ImportError as missing:
    NETADDR_IMPORT_ERROR = missing

_PREFIX = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){2}")
_LOCALLY_ADMINISTERED = 0x02


class VendorConfigError(ValueError):
    """The filter can't work as asked."""


def vendor_of(mac: str) -> str:
    """Name the vendor of a MAC address in lower case with colons; "" where it is not known."""
    prefix = mac[:8]
    if NETADDR_IMPORT_ERROR is not None or int(prefix[:2], 16) & _LOCALLY_ADMINISTERED:
        return ""
    return _registered(prefix)


def vendor_filter(only: Sequence[str], name: Callable[[str], str] = vendor_of) -> Callable[[Sighting], bool]:
    """Make a predicate that is true for sightings of wanted machines; for all, where `only` is empty.

    An element is the first three bytes of MAC addresses (`a0:36:9f`, in any case, hyphens too) or part of a vendor's
    name. Raises VendorConfigError where a name is given and netaddr is missing, for then nothing would ever pass.
    """
    prefixes, names = set(), []
    for wanted in (word.strip().lower() for word in only):
        prefix = wanted.replace("-", ":")
        if not wanted:
            raise VendorConfigError("could not filter by vendor: an element of the list is empty")
        if _PREFIX.fullmatch(prefix):
            prefixes.add(prefix)
        else:
            names.append(wanted)
    if names and NETADDR_IMPORT_ERROR is not None:
        raise VendorConfigError(
            f"could not filter by the vendor names {', '.join(names)}: the Python package netaddr is missing; "
            "install it, or give the first three bytes of MAC addresses, such as a0:36:9f"
        )
    if not only:
        return lambda _sighting: True

    def is_wanted(sighting: Sighting) -> bool:
        if sighting.mac[:8] in prefixes:
            return True
        vendor = name(sighting.mac).lower()
        return any(part in vendor for part in names)

    return is_wanted


@lru_cache(maxsize=4096)
def _registered(prefix: str) -> str:
    try:
        return clean_text(OUI(prefix.replace(":", "-")).registration().org.encode("ascii", errors="replace"))
    except NotRegisteredError:
        return ""
