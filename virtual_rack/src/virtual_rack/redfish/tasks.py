# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes time: tasks with monitors, which iDRAC calls jobs."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from virtual_rack.redfish.messages import Json, message, refused
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.tree import ROOT, Answer, Tree, link

SERVICE = f"{ROOT}/TaskService"
TASKS = f"{SERVICE}/Tasks"
MONITORS = f"{SERVICE}/TaskMonitors"
_ENDED = ("Completed", "Exception", "Cancelled")
# What iDRAC calls the states of a task.
_JOB_STATES = {"Pending": "Scheduled", "Running": "Running", "Completed": "Completed", "Exception": "Failed"}


@dataclass
class Task:
    """One thing under way; `on_cancel` undoes it, where that is possible."""

    number: str
    name: str
    state: str = "Running"
    percent: int = 0
    messages: list[Json] = field(default_factory=list)
    on_cancel: Callable[[], None] | None = None

    @property
    def path(self) -> str:
        """Where it is in the tree."""
        return f"{TASKS}/{self.number}"

    @property
    def has_ended(self) -> bool:
        """Say whether nothing more will come of it."""
        return self.state in _ENDED

    def accepted(self) -> Answer:
        """Answer a request whose work has begun or waits."""
        headers = {"Location": f"{MONITORS}/{self.number}", "Retry-After": "1"}
        return Answer(202, {"@odata.id": self.path, "@odata.type": "#Task.v1_7_4.Task", **self.shown()}, headers)

    def shown(self) -> Json:
        """Show it to a client."""
        return {
            "Id": self.number,
            "Name": self.name,
            "TaskState": self.state,
            "TaskStatus": "Critical" if self.state == "Exception" else "OK",
            "PercentComplete": self.percent,
            "Messages": self.messages,
            "TaskMonitor": f"{MONITORS}/{self.number}",
        }


class Tasks:
    """The tasks of one BMC; `jobs` are the places that show them as jobs."""

    def __init__(self, tree: Tree, mode: Mode, *, date_s: Callable[[], float], jobs: tuple[str, ...] = ()) -> None:
        self._tree, self._mode, self._jobs = tree, mode, jobs
        self._numbers = count(1)
        self.all: list[Task] = []
        service = tree.add(
            SERVICE, "TaskService.v1_2_1.TaskService", "Task Service", Tasks=link(TASKS), ServiceEnabled=True
        )
        service.live = lambda: {"DateTime": date(date_s())}
        tree.collection(TASKS, "Task")
        for place in jobs:
            tree.collection(place, "DellJob")

    def begin(self, name: str, *, state: str = "Running") -> Task:
        """Make a task."""
        number = f"{next(self._numbers)}"
        task = Task(f"JID_{int(number):012d}" if self._jobs else number, name, state)
        self.all.append(task)
        resource = self._tree.add(task.path, "Task.v1_7_4.Task", name)
        resource.live = task.shown
        resource.delete = lambda _caller: self._delete(task)
        self._tree.join(TASKS, task.path)
        monitor = self._tree.add(f"{MONITORS}/{task.number}", "Task.v1_7_4.Task", name)
        monitor.live = lambda: {"@odata.id": task.path, **task.shown()}
        monitor.status = lambda: 200 if task.has_ended else 202
        for place in self._jobs:
            job = self._tree.add(f"{place}/{task.number}", "DellJob.v1_5_0.DellJob", name)
            job.live = lambda: self._as_job(task)
            job.delete = lambda _caller: self._delete(task)
            self._tree.join(place, f"{place}/{task.number}")
        return task

    def end(self, task: Task, *, problem: str = "") -> None:
        """Let a task end, well or with a problem."""
        if not task.has_ended:
            task.state = "Exception" if problem else "Completed"
            task.percent = task.percent if problem else 100
            task.messages = [message("GeneralError", problem) if problem else message("Success")]

    def _as_job(self, task: Task) -> Json:
        text = task.messages[0]["Message"] if task.messages else "Task scheduled."
        return {
            "Id": task.number,
            "Name": task.name,
            "JobState": _JOB_STATES.get(task.state, "Failed"),
            "PercentComplete": task.percent,
            "Message": text,
        }

    def _delete(self, task: Task) -> Answer:
        if not task.has_ended and task.on_cancel is None:
            raise refused(409, "ResourceInUse")
        if not task.has_ended and task.on_cancel is not None:
            task.on_cancel()
        self.all.remove(task)
        for place in self._jobs:
            self._tree.leave(place, f"{place}/{task.number}")
        del self._tree.resources[f"{MONITORS}/{task.number}"]
        self._tree.leave(TASKS, task.path)
        return Answer(204)


def date(seconds: float) -> str:
    """Write a date as Redfish does."""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat()
