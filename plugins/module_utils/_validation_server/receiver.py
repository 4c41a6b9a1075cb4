# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the receiver answers, whatever serves it: who is given a boot script, which messages are accepted.

It decides in this order: size, run and signature, repetition, whether the run is over, sequence, form. What is refused
changes nothing. What is accepted is in the spool, on disk, before anybody hears so.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from .._spool.spool import Offered, Spool, SpoolError
from .._validation.messages import (
    BOOT_DISK,
    MAX_BODY_BYTES,
    MAX_PIECE_BYTES,
    Event,
    Hello,
    MessageError,
    is_signed,
    read_json,
    signing_key,
)
from .._values.mac import parse_mac
from . import boot_scripts
from .events import CONFLICT, AcceptedEvent
from .image import Image, ImageError
from .logs import LogRefused, Logs
from .settings import Settings
from .state import CONFLICTED, FINISHED, Progress, Run, State

MOST = {"POST": MAX_BODY_BYTES, "PUT": MAX_PIECE_BYTES}
# Of a run: its whole time is in its task, from the first sign of life on.
_GRACE_S = 120.0
# HMAC needs its key on both sides. The key is the hash of what the machine was given, and all that is kept: a copy of
# the store could sign for runs that are under way, but holds no token, and nothing that outlives these runs.
_TOKEN_BYTES = 32
# In the place of a run's key, so that an unknown run takes as long as a wrong signature.
_NO_KEY = bytes(32)
_LOCKED_OUT = {"error": "no such run, or not its signature"}


@dataclass(frozen=True)
class Answer:
    """An HTTP status and what is answered as JSON."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    retry_after_s: int = 0


@dataclass(frozen=True)
class Asked:
    """One signed request. `sequence` is as it came; `step` and `piece` name the piece of a log that a PUT brings."""

    method: str
    path: str
    run: str
    sequence: str
    signature: str
    body: bytes
    step: str = ""
    piece: int = -1


@dataclass(frozen=True)
class Accepted:
    """A message that is good and not stored yet."""

    asked: Asked
    progress: Progress
    event: AcceptedEvent | None
    answer: Answer


class Receiver:
    """The receiver's decisions. `clock` gives Unix time, `random` so many random bytes; `say` writes to the log."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        spool: Spool[AcceptedEvent],
        logs: Logs,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes] = secrets.token_bytes,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.settings = settings
        self.state = state
        self.spool = spool
        self.logs = logs
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._random = random
        self._say = say
        self._image = Image(settings)
        self._damaged = ""
        self._busy: set[str] = set()

    # -- boot -----------------------------------------------------------------------------------------------------

    def boot(self, mac: str, serial: str) -> str:
        """Give the iPXE script for a machine: the image, the disk, or to ask again. Raises SpoolError."""
        if not mac:
            return boot_scripts.render_ipxe_ask(self.settings.url)
        try:
            admission = self.state.admission(parse_mac(mac))
        except ValueError:
            admission = None
        if (
            admission is None
            or not is_same_serial(serial or admission.serial, admission.serial)
            or not self._is_current()
        ):
            self.counts["boot disk"] += 1
            return boot_scripts.render_ipxe_disk()
        under_way = self.state.under_way(admission.device)
        if under_way is not None:
            self.counts["boot wait"] += 1
            return boot_scripts.render_ipxe_wait(self.settings.url)
        image = self._image_digest()
        if image is None:
            self.counts["boot disk"] += 1
            return boot_scripts.render_ipxe_disk()
        run, offer = mint(admission, self.settings, via="ipxe", now=self._clock(), random=self._random, image=image)
        self.state.mint(run)
        self.counts["boot image"] += 1
        return boot_scripts.render_ipxe(offer)

    def _image_digest(self) -> str | None:
        """Give the digest of the image, None where it must not be offered; says so once."""
        try:
            digest, problem = self._image.digest(), ""
        except ImageError as error:
            digest, problem = None, str(error)
        if problem and problem != self._damaged:
            self._say(f"no machine is given the image: {problem}")
        self._damaged = problem
        return digest

    # -- runs -----------------------------------------------------------------------------------------------------

    def task(self, asked: Asked) -> Answer:
        """Answer what an agent asks for. Raises SpoolError."""
        run = self._authenticated(asked)
        if isinstance(run, Answer):
            return run
        if asked.sequence != "0":
            return self._refuse(400, "the sequence of a request for the task is 0")
        over = self._over(run)
        if over is not None:
            return over
        deadline_s = float(run.task["deadline_seconds"])
        if not run.started:
            self.state.begin(run.run, self._clock() + deadline_s + _GRACE_S)
        now = datetime.fromtimestamp(self._clock(), tz=timezone.utc).isoformat(timespec="seconds")
        self.counts["task"] += 1
        return Answer(200, {"run": run.run, **self._task_now(run), "server_time": now})

    def _task_now(self, run: Run) -> Mapping[str, Any]:
        """Give a run's task; its disks may be written only if NetBox has the server as `discovered` at this moment.

        What is given is what the run is judged by: no disk is missed that was not to be written.
        """
        if self._is_admitted(run) or not run.task["expected"]["writable_disks"]:
            return run.task
        task = {**run.task, "expected": {**run.task["expected"], "writable_disks": []}}
        self.state.change_task(run.run, task)
        return task

    def _is_admitted(self, run: Run) -> bool:
        """Say whether a run's server may boot the image at this moment."""
        admission = self.state.admission(run.mac)
        return admission is not None and admission.device == run.device and self._is_current()

    def _over(self, run: Run) -> Answer | None:
        """Refuse what comes of a run that is over, or that GRUB would begin by a file from before."""
        is_over = bool(run.closed) or self._clock() > run.expires
        if run.via == "grub" and run.sequence == 0:
            # Its file may be hours old, unlike a script for iPXE.
            if not self._is_current():
                return self._refuse(503, "it is not known whether NetBox has this server still", retry_after_s=30)
            if is_over or not self._is_admitted(run):
                # The file is gone by now, or is another one: the next boot decides.
                return self._refuse(410, "NetBox has this server no longer as one to validate", then=BOOT_DISK)
        return self._refuse(410, "the run is over") if is_over else None

    def _is_current(self) -> bool:
        return self.state.is_current(self._clock())

    def check(self, asked: Asked) -> Answer | Accepted:
        """Judge a message; one that is good is to be given to `store`. Raises SpoolError."""
        if len(asked.body) > MOST[asked.method]:
            return self._refuse(413, f"a body takes {MOST[asked.method]} bytes")
        run = self._authenticated(asked)
        if isinstance(run, Answer):
            return run
        number = int(asked.sequence) if asked.sequence.isdecimal() and len(asked.sequence) < 10 else -1
        body = _digest_of(asked)
        if number == run.sequence and number > 0 and body == run.last_body:
            self.counts["repeated"] += 1
            stored = json.loads(run.last_answer)
            return Answer(stored["status"], stored["body"])
        over = self._over(run)
        if over is not None:
            return over
        if number != run.sequence + 1:
            return self._refuse(409, "wrong sequence", expected=run.sequence + 1)
        if run.run in self._busy:
            return self._refuse(503, "the message before is not stored yet", retry_after_s=1)
        try:
            return self._read(asked, run, number, body)
        except MessageError as error:
            return self._refuse(400, str(error))

    def _read(self, asked: Asked, run: Run, number: int, body: str) -> Answer | Accepted:
        now = self._clock()
        expires = run.expires if run.started else now + float(run.task["deadline_seconds"]) + _GRACE_S
        if asked.method == "PUT":
            if number == 1:
                raise MessageError("the first message of a run is hello")
            if asked.body[:2] != b"\x1f\x8b":
                raise MessageError("a piece of a log is gzip")
            answer = Answer(202, {"accepted": number})
            progress = _progress(run, number, body, answer, now, expires, is_event=False)
            return Accepted(asked, progress, None, answer)
        event = Event.from_bytes(asked.body)
        if event.sequence != number:
            raise MessageError("message.sequence: it is that of the header")
        if (event.kind == "hello") != (number == 1):
            raise MessageError("message.kind: hello is the first message of a run, and no other is")
        wire = read_json(asked.body)
        kind, closed = event.kind, FINISHED if event.kind == "finished" else ""
        answer = Answer(202, {"accepted": number})
        if event.kind == "finished":
            answer = Answer(202, {"accepted": number, "then": self.settings.leave})
        conflict = self._conflict_in(event, run)
        if conflict:
            kind, closed = CONFLICT, CONFLICTED
            wire = {"body": {"reason": conflict, "hello": wire["body"]}}
            answer = Answer(410, {"error": "this is not the server that the run is for"})
        if event.kind == "heartbeat":
            # It says nothing but that the machine lives, which its run keeps.
            progress = _progress(run, number, body, answer, now, expires, is_event=False)
            return Accepted(asked, progress, None, answer)
        accepted = AcceptedEvent(run.run, number, kind, event.step or "", now, run.events + 1, wire.get("body") or {})
        progress = _progress(run, number, body, answer, now, expires, step=event.step or "", closed=closed)
        return Accepted(asked, progress, accepted, answer)

    def _conflict_in(self, event: Event, run: Run) -> str:
        """Say what makes this another server than the run's; "" where it is the one."""
        hello = event.body
        if not isinstance(hello, Hello):
            return ""
        if not is_same_serial(hello.serial, run.serial):
            return f"it says that its serial number is {hello.serial or '(none)'}, and NetBox has {run.serial}"
        if run.mac not in hello.macs:
            return f"none of its ports has the MAC address {run.mac} that it booted from"
        if run.image and hello.image_digest != run.image:
            said = hello.image_digest[:16] or "without a digest"
            return f"it runs another image ({said}) than it was given ({run.image[:16]})"
        return ""

    def hold(self, accepted: Accepted) -> None:
        """Let no other message of the same run in until `store` is done."""
        self._busy.add(accepted.asked.run)

    def store(self, batch: Sequence[Accepted]) -> list[Answer]:
        """Store good messages, in two transactions for all of them; give the answer to each. Never raises."""
        try:
            answers = self._store(batch)
        except SpoolError as error:
            answers = [Answer(503, {"error": str(error)}, retry_after_s=5) for _each in batch]
        finally:
            self._busy -= {each.asked.run for each in batch}
        for each, answer in zip(batch, answers):
            self.counts[f"{each.event.kind if each.event else _quiet(each)} {answer.status}"] += 1
        return answers

    def _store(self, batch: Sequence[Accepted]) -> list[Answer]:
        events = [each.event for each in batch if each.event is not None]
        offered = iter(self.spool.offer_all(events))
        answers, steps = [], []
        for each in batch:
            answer = each.answer
            if each.event is not None and next(offered) is Offered.REFUSED:
                answer = Answer(503, {"error": "the spool is full"}, retry_after_s=30)
            elif each.asked.method == "PUT":
                answer = self._write_piece(each) or answer
            if answer is each.answer:
                steps.append(each.progress)
            answers.append(answer)
        self.state.advance(steps)
        return answers

    def _write_piece(self, accepted: Accepted) -> Answer | None:
        asked = accepted.asked
        try:
            self.logs.write(asked.run, asked.step, asked.piece, asked.body)
        except LogRefused as error:
            return Answer(413, {"error": str(error)})
        except OSError as error:
            return Answer(503, {"error": f"the log could not be written: {error.strerror}"}, retry_after_s=30)
        return None

    # -- inside ---------------------------------------------------------------------------------------------------

    def _authenticated(self, asked: Asked) -> Run | Answer:
        run = self.state.run(asked.run)
        key = run.token_key if run is not None else _NO_KEY
        number = int(asked.sequence) if asked.sequence.isdecimal() and len(asked.sequence) < 10 else -1
        signed = is_signed(asked.signature, key, asked.method, asked.path, number, asked.body)
        if run is None or not signed:
            self.counts["refused 401"] += 1
            return Answer(401, _LOCKED_OUT)
        return run

    def _refuse(self, status: int, error: str, *, retry_after_s: int = 0, **more: Any) -> Answer:
        self.counts[f"refused {status}"] += 1
        return Answer(status, {"error": error, **more}, retry_after_s)


def _quiet(accepted: Accepted) -> str:
    return "log piece" if accepted.asked.method == "PUT" else "heartbeat"


def mint(
    admission: Any, settings: Settings, *, via: str, now: float, random: Callable[[int], bytes], image: str
) -> tuple[Run, boot_scripts.Offer]:
    """Make a run for an admitted machine, and what its boot script says; the token is in the latter alone.

    `image` is the digest that its machine must say, "" for any.
    """
    token, name = random(_TOKEN_BYTES).hex(), str(uuid.UUID(bytes=random(16), version=4))
    run = Run(
        run=name,
        device=admission.device,
        name=admission.name,
        serial=admission.serial,
        mac=admission.mac,
        token_key=signing_key(token),
        task=admission.task,
        via=via,
        image=image,
        minted=now,
        # A file for GRUB waits for whoever switches the machine on, and is written anew before this ends.
        expires=now + (settings.boot_seconds if via == "ipxe" else 24 * 3600.0),
    )
    offer = boot_scripts.Offer(
        url=settings.url.rstrip("/"),
        run=name,
        token=token,
        name=admission.name,
        kernel=settings.kernel,
        initrd=settings.initrd,
        arguments=settings.kernel_arguments,
    )
    return run, offer


def is_same_serial(one: str, other: str) -> bool:
    """Return whether two serial numbers are the same, whatever the case and what stands around them; "" is none."""
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()


def _digest_of(asked: Asked) -> str:
    return hashlib.sha256(f"{asked.method} {asked.path}\n".encode() + asked.body).hexdigest()


def _progress(run: Run, number: int, body: str, answer: Answer, now: float, expires: float, **more: Any) -> Progress:
    said = json.dumps({"status": answer.status, "body": answer.body})
    return Progress(run.run, number, body, said, now, expires, **more)
