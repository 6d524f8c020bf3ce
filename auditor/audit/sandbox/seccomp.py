"""A filter on system calls: no sockets, no new programs, no look into other processes.

Landlock rules over files and TCP alone. UDP, sockets in the file system (of a container's manager, say) and starting
a program are stopped here, for all threads of the process and for good. A forbidden call fails with EPERM, so that a
library that tries one goes on without it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_X32 = 0x40000000

_FORBIDDEN = (
    "socket", "socketpair", "connect", "bind", "listen", "sendto", "sendmsg", "sendmmsg",
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd",
    "io_uring_setup", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key",
    "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "init_module", "finit_module", "kexec_load",
)  # fmt: skip
_NUMBERS = {
    "x86_64": (0xC000003E, (
        41, 53, 42, 49, 50, 44, 46, 307,
        59, 322, 101, 310, 311, 438,
        425, 321, 298, 323, 250, 248, 249,
        165, 166, 155, 161, 272, 308, 175, 313, 246,
    )),
    "aarch64": (0xC00000B7, (
        198, 199, 203, 200, 201, 206, 211, 269,
        221, 281, 117, 270, 271, 438,
        425, 280, 241, 282, 219, 217, 218,
        40, 39, 41, 51, 97, 268, 105, 273, 104,
    )),
}  # fmt: skip
"""Audit number of each architecture and the numbers of the forbidden calls, in order."""

_SET_FILTER, _ALL_THREADS = 1, 1
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_PRCTL_NO_NEW_PRIVILEGES = 38


def available() -> bool:
    """Whether this system's calls can be filtered."""
    if sys.platform != "linux" or platform.machine() not in _NUMBERS or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    # Asking with no filter at all: EFAULT where the call is known, ENOSYS or EINVAL where it is not.
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall(_SECCOMP[platform.machine()], _SET_FILTER, 0, None)
    return ctypes.get_errno() == errno.EFAULT


def restrict() -> None:
    """Forbid the calls to all threads of this process.

    Raises:
        OSError: the kernel refused.
    """
    machine = platform.machine()
    architecture, numbers = _NUMBERS[machine]
    program = filter_program(architecture, numbers)
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: number of instructions, then where they are.
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PRCTL_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or library.syscall(
        _SECCOMP[machine], _SET_FILTER, _ALL_THREADS, header
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def filter_program(architecture: int, numbers: tuple[int, ...]) -> bytes:
    """The filter in the kernel's classic BPF: another architecture is killed, the numbers fail, the rest passes."""
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, len(numbers) + 1, 0, _X32),
        *((_EQUAL, len(numbers) - position, 0, number) for position, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _FAIL),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
