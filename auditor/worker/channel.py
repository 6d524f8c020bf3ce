"""The worker's side of what it and its parent say to each other: a line is a message, whichever way it goes.

Standard output is the way to the parent; it is set aside first and replaced by standard error, so that a line printed
by a native library cannot corrupt it. Standard input is the way back; when it closes, the parent has ended for whatever
reason, and this process ends too.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue

from auditor.documents.messages import Job, Message, Progress, read_message


class Channel:
    """The way to the parent and back."""

    def __init__(self) -> None:
        self._file = io.BufferedWriter(io.FileIO(os.dup(sys.stdout.fileno()), "w"))
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._one_at_a_time = threading.Lock()
        self._heard = SimpleQueue[Message]()

    def send(self, message: Message) -> None:
        """Write a message, one line, at once."""
        line = message.model_dump_json().encode() + b"\n"
        with self._one_at_a_time:
            self._file.write(line)
            self._file.flush()

    def report(self, stage: str, done: int, total: int, detail: str = "") -> None:
        """Progress in the shape that every stage of the audit takes."""
        self.send(Progress(stage=stage, done=done, total=total, detail=detail))

    def job(self) -> Job:
        """What the parent says first."""
        return Job.model_validate_json(sys.stdin.buffer.readline())

    def listen(self) -> None:
        """Read what the parent says from now on.

        Only once the process has closed itself in: Landlock would not bind a thread that was there before.
        """

        def read() -> None:
            # Whatever becomes of them, lines are read at once: a parent that waits for its reader hears nobody else.
            for line in sys.stdin.buffer:
                self._heard.put(read_message(line))
            os._exit(1)

        threading.Thread(target=read, daemon=True).start()

    def next(self) -> Message:
        """What the parent says next, once it says something."""
        return self._heard.get()

    def answer_with(self, answer: Callable[[Message], None]) -> None:
        """Have a thread of its own take whatever the parent says from now on."""

        def take() -> None:
            while True:
                answer(self.next())

        threading.Thread(target=take, daemon=True).start()
