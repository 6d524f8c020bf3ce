"""A filter on system calls: no sockets, no programs, no other process, nothing of a file but its content.

Landlock rules over the content of files and over TCP. What else a process can do to files, to other processes and to
the machine is stopped here, for all threads of the process and for good (``calls`` has the list). A forbidden call
fails with EPERM, so that a library that tries one goes on without it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator

from auditor.worker.sandbox.system_calls import ABSENT, ARCHITECTURES, CUDA, DENIED, RULED, Condition, rules

_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000

_SET_FILTER, _ALL_THREADS = 1, 1
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_PRCTL_NO_NEW_PRIVILEGES = 38

Step = tuple[int, int, int, int]
"""Code, steps to skip if true, steps to skip if false, operand."""


def available() -> bool:
    """Whether this system's calls can be filtered."""
    if sys.platform != "linux" or platform.machine() not in _SECCOMP or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    # Asking with no filter at all: EFAULT where the call is known, ENOSYS or EINVAL where it is not.
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall(_SECCOMP[platform.machine()], _SET_FILTER, 0, None)
    return ctypes.get_errno() == errno.EFAULT


def restrict(*, cuda: bool = False) -> None:
    """Forbid the calls to all threads of this process.

    Args:
        cuda: leave what CUDA cannot do without.
    Raises:
        OSError: the kernel refused.
    """
    machine = platform.machine()
    program = filter_program(machine, os.getpid(), cuda=cuda)
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: number of instructions, then where they are.
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PRCTL_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or library.syscall(
        _SECCOMP[machine], _SET_FILTER, _ALL_THREADS, header
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def filter_program(machine: str, process: int, *, cuda: bool = False) -> bytes:
    """The filter in the kernel's classic BPF; calls of another architecture end the process.

    Args:
        machine: as ``platform.machine`` names it.
        process: number of the process that is filtered.
        cuda: leave what CUDA cannot do without.
    """
    ruled = {**rules(process), **(CUDA if cuda else {})}
    column, architecture = ARCHITECTURES[machine]
    steps: list[Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _FAIL | errno.EPERM),
    ]
    for calls, error in ((DENIED, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for name, numbers in calls.items():
            if name not in ruled and (number := numbers[column]) is not None:
                steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | error)]
    for name, conditions in ruled.items():
        if (number := (RULED.get(name) or DENIED[name])[column]) is not None:
            checks = [step for condition in conditions for step in _checked(condition)]
            steps += [(_EQUAL, 0, len(checks) + 1, number), *checks, (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _checked(condition: Condition) -> Iterator[Step]:
    """Steps that go on where the condition is met and fail the call where it is not."""
    yield _LOAD, 0, 0, _ARGUMENTS + 8 * condition.argument
    fail = (_RETURN, 0, 0, _FAIL | errno.EPERM)
    for value in condition.never:
        yield _EQUAL, 0, 1, value
        yield fail
    for position, value in enumerate(condition.only):
        yield _EQUAL, len(condition.only) - position, 0, value
    if condition.only:
        yield fail
    if condition.bits:
        yield _ANY_BIT, 1, 0, condition.bits
        yield fail
