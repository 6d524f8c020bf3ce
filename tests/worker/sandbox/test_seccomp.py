"""What the filter forbids: every call of the list by number, acts that do harm, and both machines' programs by hand."""

from __future__ import annotations

import errno
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.worker.sandbox import seccomp
from auditor.worker.sandbox.system_calls import ABSENT, ARCHITECTURES, CUDA, DENIED, RULED
from tests.worker.sandbox.alone import alone, filtered

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
BY_NUMBER = """
import ctypes, errno
from auditor.worker.sandbox import seccomp
from auditor.worker.sandbox.system_calls import ABSENT, ARCHITECTURES, DENIED
import platform
column, _ = ARCHITECTURES[platform.machine()]
library = ctypes.CDLL(None, use_errno=True)
seccomp.restrict()
for name, numbers in {**DENIED, **ABSENT}.items():
    if numbers[column] is not None:
        ctypes.set_errno(0)
        library.syscall(numbers[column], -1, -1, -1, -1, -1, -1)
        print(name, errno.errorcode.get(ctypes.get_errno(), 0))
"""


@filtered
def test_every_call_of_the_list_is_denied() -> None:
    tried = dict(line.split() for line in alone(BY_NUMBER))
    assert len(tried) > 130
    assert {name for name, error in tried.items() if error != "EPERM"} == {"clone3"}
    assert tried["clone3"] == "ENOSYS"


ACTS = """
import ctypes, os, resource, signal, sys
from auditor.worker.sandbox import capabilities, seccomp
from auditor.worker.sandbox.system_calls import DENIED, ARCHITECTURES
import platform
victim, bystander, closed = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "closed"
library = ctypes.CDLL(None, use_errno=True)
column, _ = ARCHITECTURES[platform.machine()]

def called(name, *arguments):
    result = library.syscall(DENIED[name][column], *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result

def removed(get, control, command):
    control_of = called(get, 0, 1, 0o600) if get != "shmget" else called(get, 0, 4096, 0o600)
    called(control, control_of, *command)

def forked(leave=False):
    child = os.fork()
    if not child:
        if leave:
            os.setsid()
        os._exit(0)
    os.waitpid(child, 0)

acts = {
    "chmod": lambda: os.chmod(victim, 0o777),
    "fchmod": lambda: os.fchmod(os.open(victim, os.O_RDONLY), 0o777),
    "chown": lambda: os.chown(victim, os.getuid(), os.getgid()),
    "lchown": lambda: os.lchown(victim, os.getuid(), os.getgid()),
    "utime": lambda: os.utime(victim, (1, 1)),
    "setxattr": lambda: os.setxattr(victim, "user.note", b"data out"),
    "getxattr": lambda: os.getxattr(victim, "user.note"),
    "removexattr": lambda: os.removexattr(victim, "user.note"),
    "truncate": lambda: os.truncate(victim, 0),
    "inotify": lambda: called("inotify_init1", 0),
    "prlimit": lambda: resource.prlimit(bystander, resource.RLIMIT_NOFILE, (7, 7)),
    "affinity": lambda: os.sched_setaffinity(bystander, os.sched_getaffinity(0)),
    "scheduler": lambda: os.sched_setscheduler(bystander, os.SCHED_OTHER, os.sched_param(0)),
    "nice": lambda: os.setpriority(os.PRIO_PROCESS, bystander, 5),
    "ioprio": lambda: called("ioprio_set", 1, bystander, (2 << 13) | 7),
    "shared memory": lambda: removed("shmget", "shmctl", (0, None)),
    "queue": lambda: removed("msgget", "msgctl", (0, None)),
    "semaphore": lambda: removed("semget", "semctl", (0, 0)),
    "fork": forked,
    "session": lambda: forked(leave=True),
    "signal": lambda: os.kill(bystander, signal.SIGCONT),
    "program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "socket": lambda: __import__("socket").socketpair(),
    "own limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)),
    "own affinity": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    "own signal": lambda: os.kill(os.getpid(), signal.SIGCONT),
    "thread": lambda: __import__("threading").Thread(target=int).start(),
}
if closed:
    capabilities.give_up()
    seccomp.restrict()
    acts["stop itself"] = lambda: os.kill(os.getpid(), signal.SIGSTOP)
    acts["owner of a pipe"] = lambda: __import__("fcntl").fcntl(0, 8, bystander)
    acts["live on"] = lambda: library.prctl(1, 0, 0, 0, 0) and (_ for _ in ()).throw(PermissionError)
for name, act in acts.items():
    try:
        act()
        print(name + ": done")
    except PermissionError:
        print(name + ": denied")
    except OSError as err:
        print(name + ": " + str(err))
"""
HARMLESS = {"own limit", "own affinity", "own signal", "thread"}


@filtered
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_what_a_model_could_do_to_files_and_processes(closed: bool, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("x")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        said = alone(ACTS, victim, bystander.pid, "closed" if closed else "open")
        assert bystander.stdin is not None
        bystander.stdin.write(b"\n")
    outcome = dict(line.split(": ", 1) for line in said)
    done = {name for name, what in outcome.items() if what == "done"}
    if closed:
        assert done == HARMLESS, outcome
        assert set(outcome.values()) == {"done", "denied"}
        assert victim.read_text() == "x"
    else:  # so the test can see each of them; a file system may know no attributes, a container no other queues
        assert done >= HARMLESS | {"chmod", "utime", "truncate", "inotify", "prlimit", "affinity", "nice", "fork"}


def answer(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What a filter says to a call, by the rules of classic BPF."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *(*arguments, *[0] * (6 - len(arguments))))
    steps, at, value = list(struct.iter_unpack("<HBBI", program)), 0, 0
    while True:
        code, yes, no, operand = steps[at]
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            value = struct.unpack_from("<I", data, operand)[0]
            at += 1
            continue
        true = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
        at += 1 + (yes if true else no)


ALLOW, DENY = 0x7FFF0000, 0x00050000 | errno.EPERM


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_program_of_each_machine(machine: str) -> None:
    column, architecture = ARCHITECTURES[machine]
    program = seccomp.filter_program(machine, 4711)
    assert len(program) // 8 < 4096

    def said(name: str, *arguments: int) -> int:
        number = {**DENIED, **ABSENT, **RULED}[name][column]
        assert number is not None
        return answer(program, architecture, number, *arguments)

    special = {numbers[column] for numbers in (*DENIED.values(), *ABSENT.values(), *RULED.values())}
    for number in range(500):
        if number not in special:
            assert answer(program, architecture, number, 1, 2, 3) == ALLOW
    assert all(said(name) == DENY for name, numbers in DENIED.items() if numbers[column] is not None)
    assert said("clone3") == 0x00050000 | errno.ENOSYS
    assert said("clone", 0x3D0F00) == ALLOW  # as the C library starts a thread
    assert said("clone", 0x1200011) == DENY  # as it forks
    for name in ("prlimit64", "sched_setaffinity", "sched_setscheduler", "move_pages"):
        assert [said(name, pid) for pid in (0, 4711, 1, 4712)] == [ALLOW, ALLOW, DENY, DENY]
    for name, signal_at in (("kill", 1), ("tgkill", 2), ("rt_sigqueueinfo", 1), ("rt_tgsigqueueinfo", 2)):
        for pid, signal, expected in ((4711, 6, ALLOW), (4711, 19, DENY), (4711, 20, DENY), (0, 6, DENY), (1, 0, DENY)):
            arguments = [pid, 0, 0]
            arguments[signal_at] = signal
            assert said(name, *arguments) == expected, (name, pid, signal)
        assert said(name, 0xFFFFFFFF, 9, 9) == DENY  # kill(-1): everybody
    assert [said("prctl", option) for option in (15, 1, 35, 36, 0x59616D61)] == [ALLOW, DENY, DENY, DENY, DENY]
    assert [said("fcntl", 0, command) for command in (2, 8, 15, 1024)] == [ALLOW, DENY, DENY, DENY]
    assert [said("ioctl", 0, request) for request in (0x5401, 0x5412, 0x541C)] == [ALLOW, DENY, DENY]
    assert answer(program, architecture, 0x40000000) == DENY
    assert answer(program, 0x40000003, 0) == 0x80000000  # 32-bit calls


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_with_a_gpu_only_a_local_listener_is_added(machine: str) -> None:
    column, architecture = ARCHITECTURES[machine]
    usual, cuda = (seccomp.filter_program(machine, 4711, cuda=cuda) for cuda in (False, True))

    def said(name: str, *arguments: int) -> int:
        number = DENIED[name][column]
        assert number is not None
        return answer(cuda, architecture, number, *arguments)

    others = [number for number in range(500) if number not in {DENIED[name][column] for name in CUDA}]
    for arguments in ((0, 0, 0), (1, 2, 3), (4711, 6, 0)):
        asked = [[answer(program, architecture, number, *arguments) for number in others] for program in (usual, cuda)]
        assert asked[0] == asked[1]
    local, internet, internet_6, netlink, vsock = 1, 2, 10, 16, 40
    stream, packets, raw, whole, nonblocking, at_exec = 1, 2, 3, 5, 0x800, 0x80000
    assert [said("socket", local, kind) for kind in (stream, whole, stream | at_exec, whole | nonblocking)] == [
        ALLOW
    ] * 4
    assert [said("socket", local, kind) for kind in (packets, raw, packets | at_exec, 0x100001)] == [DENY] * 4
    assert [said("socket", family, stream) for family in (internet, internet_6, netlink, vsock, 0)] == [DENY] * 5
    assert said("bind", 3) == said("listen", 3) == ALLOW


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_the_kernels(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers")
    text = HEADERS[machine].read_text()
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", text, re.M)}
    column, _ = ARCHITECTURES[machine]
    ours = {name: numbers[column] for name, numbers in {**DENIED, **ABSENT, **RULED}.items()}
    assert {name: number for name, number in ours.items() if name in known} == {n: known[n] for n in ours if n in known}
    newest = max(known.values())
    assert all(name in known or number is None or number > newest for name, number in ours.items())
