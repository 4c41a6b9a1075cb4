# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Between the options of netbox_bmc_mac and the loader: reads the manifest, shapes the result, renders the report."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..._values.names import count, shorten
from ..._values.table import align
from ..api.errors import NetBoxConfigError
from ..api.interfaces import BMC_NAMES
from ..api.ledger import DEFAULT_PATH
from .loader import LoadOptions, RowResult
from .manifest import Manifest, ManifestError, decode_manifest, parse_manifest
from .owed import Settled
from .rules import RowOutcome

MAC_LOADER: dict[str, Any] = {
    "path": {"type": "path"},
    "content": {"type": "str"},
    "interface_names": {"type": "list", "elements": "str", "default": list(BMC_NAMES)},
    "batch_size": {"type": "int", "default": LoadOptions.batch_size},
    "parallel_batches": {"type": "int", "default": LoadOptions.parallel_batches},
    "report_path": {"type": "path"},
    "ledger_path": {"type": "path", "default": DEFAULT_PATH},
    "fail_on_error": {"type": "bool", "default": True},
}
MAC_LOADER_RULES: dict[str, Any] = {
    "mutually_exclusive": [["path", "content"]],
    "required_one_of": [["path", "content"]],
}

# What a person still reads of a long list.
_MOST_LINES = 20
_MOST_REASONS = 3
_WORTH_A_LINE = (RowOutcome.FAILED, RowOutcome.SKIPPED)
_COLUMNS = ("line", "serial", "mac", "outcome", "device", "interface", "message")


def read_manifest(path: str | None, content: str | None) -> Manifest:
    """Read the manifest in a file or in a text. Raises NetBoxConfigError."""
    try:
        text = content or "" if path is None else decode_manifest(Path(path).read_bytes())
        return parse_manifest(text)
    except OSError as error:
        raise NetBoxConfigError(f"could not read the manifest {path}: {error.strerror}") from error
    except ManifestError as error:
        raise NetBoxConfigError(f"could not use the manifest{f' {path}' if path else ''}: {error}") from error


def load_options_of(params: Mapping[str, Any], *, check_mode: bool) -> LoadOptions:
    """Make the loader's options of a task's. Raises NetBoxConfigError for a value that can't be used."""
    names = tuple(name.strip() for name in params["interface_names"] if name.strip())
    if not names:
        raise NetBoxConfigError("interface_names is empty: name the interfaces of BMCs")
    for option, most in (("batch_size", 1000), ("parallel_batches", 32)):
        if not 1 <= params[option] <= most:
            raise NetBoxConfigError(f"{option} must be from 1 to {most}, not {params[option]}")
    return LoadOptions(
        source=Path(params["path"]).name if params["path"] else "a manifest",
        interface_names=names,
        batch_size=params["batch_size"],
        parallel_batches=params["parallel_batches"],
        check_mode=check_mode,
    )


def load_result(
    manifest: Manifest, results: Sequence[RowResult], settled: Sequence[Settled] = (), *, fail_on_error: bool
) -> dict[str, Any]:
    """Make the result that netbox_bmc_mac documents; failed where a row failed and the caller wants that.

    `settled` are entries that earlier runs owed for what is not in the manifest.
    """
    written = [each for each in settled if each.error is None]
    failures = {str(each.line): _failure(each) for each in results if each.outcome is RowOutcome.FAILED}
    shown = {
        "changed": bool(written) or any(each.changed for each in results),
        "rows": [_row(each) for each in results],
        "counts": _counts(results),
        "failures": failures,
        "ignored_columns": list(manifest.ignored_columns),
        "diff": [*map(_diff_of_settled, written), *(_diff(each) for each in results if each.changed)],
    }
    if failures and fail_on_error:
        reasons = shorten([f"line {line}: {why}" for line, why in failures.items()], _MOST_REASONS, separator="; ")
        failed = f"{len(failures):,} of {count(len(results), 'row')} failed"
        return {**shown, "failed": True, "msg": f"{failed}: {reasons}"}
    return shown


def summary_lines(manifest: Manifest, results: Sequence[RowResult], *, check_mode: bool) -> Iterator[str]:
    """Write the lines for people at the end: the rows that need attention, and the counts."""
    listed = [each for each in results if each.outcome in _WORTH_A_LINE][:_MOST_LINES]
    for line in align([(f"line {each.line:>5}", each.serial, str(each.outcome), each.message) for each in listed]):
        yield f"  {line}"
    left = sum(each.outcome in _WORTH_A_LINE for each in results) - len(listed)
    if left:
        yield f"  and {count(left, 'more such row')}; report_path gives a file with all"
    if manifest.ignored_columns:
        yield f"  columns that were ignored: {', '.join(manifest.ignored_columns)}"
    counts = ", ".join(f"{number:,} {outcome}" for outcome, number in _counts(results).items() if number)
    yield f"{count(len(results), 'row')}: {counts}{' (check mode: nothing was written)' if check_mode else ''}"


def render_rows(path: str, results: Sequence[RowResult]) -> str:
    """Return a report as text for the file `path`: CSV where its name ends in .csv, else JSON."""
    rows = [_row(each) for each in results]
    if Path(path).suffix.lower() != ".csv":
        return json.dumps({"counts": _counts(results), "rows": rows}, indent=2) + "\n"
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(result: RowResult) -> dict[str, Any]:
    return {
        "line": result.line,
        "serial": result.serial,
        "mac": result.mac,
        "outcome": str(result.outcome),
        "device": result.device,
        "interface": result.interface,
        "message": result.message,
        "changed": result.changed,
    }


def _counts(results: Sequence[RowResult]) -> dict[str, int]:
    counted = Counter(each.outcome for each in results)
    return {str(outcome): counted[outcome] for outcome in RowOutcome}


def _failure(result: RowResult) -> str:
    return f"{result.serial}: {result.message}" if result.serial else result.message


def _diff(result: RowResult) -> dict[str, Any]:
    header = f"{result.device} {result.interface}"
    after = {"mac_address": result.mac if result.is_set else result.before}
    return {
        "before_header": header,
        "after_header": header,
        "before": {"mac_address": result.before},
        "after": {**after, "journal": result.entry} if result.entry else after,
    }


def _diff_of_settled(settled: Settled) -> dict[str, Any]:
    header = f"{settled.device} {settled.interface}"
    return {
        "before_header": header,
        "after_header": header,
        "before": {"mac_address": settled.mac},
        "after": {"mac_address": settled.mac, "journal": settled.text},
    }
