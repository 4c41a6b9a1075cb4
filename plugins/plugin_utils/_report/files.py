# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a report, written whole."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError


def write_whole(path: str, text: str) -> None:
    """Write a report to a file, all of it or nothing, for its owner alone; a reader never sees half of it.

    Directories on the way are made. Raises BcmConfigError, and leaves an older file as it was, where that fails.
    """
    target = Path(path).absolute()
    half = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Made with mode 0600.
        descriptor, half = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        # Half a surrogate pair, which a foreign text may hold, has no encoding.
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(half).replace(target)
    except OSError as error:
        if half is not None:
            with suppress(OSError):
                Path(half).unlink()
        raise BcmConfigError(f"could not write the report to {path}: {error.strerror}") from error
