"""System calls by name: their numbers on x86-64 and on ARM64, and what the worker may do with them.

An architecture that lacks a call has None. ``DENIED`` fail whatever their arguments, ``ABSENT`` as if the kernel did
not know them, ``RULED`` pass only with the arguments that ``rules`` leaves; every other call passes. Where there is a
GPU, ``CUDA`` takes a few calls from the denied to the ruled ones.
"""

from __future__ import annotations

from dataclasses import dataclass

Numbers = tuple[int | None, int | None]

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Of each machine the place of its numbers, and the audit number by which a filter knows it."""

DENIED: dict[str, Numbers] = {
    # Sockets, also those in the file system.
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    # Programs and processes.
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None), "setsid": (112, 157),
    "setpgid": (109, 154), "setns": (308, 268), "unshare": (272, 97), "personality": (135, 92),
    # Other processes.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "tkill": (200, 130), "migrate_pages": (256, 238),
    "ioprio_set": (251, 30), "setpriority": (141, 140),
    # A timer's signal may be one that stops.
    "timer_create": (222, 107),
    # System V and POSIX channels, which outlive a process.
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193),
    "semtimedop": (220, 192), "semctl": (66, 191), "mq_open": (240, 180), "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182), "mq_timedreceive": (243, 183), "mq_notify": (244, 184), "mq_getsetattr": (245, 185),
    # What a file is beside its content: Landlock does not rule over it.
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "truncate": (76, 45), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "setxattrat": (463, 463), "getxattr": (191, 8), "lgetxattr": (192, 9),
    "fgetxattr": (193, 10), "getxattrat": (464, 464), "listxattr": (194, 11), "llistxattr": (195, 12),
    "flistxattr": (196, 13), "listxattrat": (465, 465), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "removexattrat": (466, 466), "file_getattr": (468, 468), "file_setattr": (469, 469),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "mknod": (133, None), "mknodat": (259, 33),
    # Who touches which file.
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "inotify_rm_watch": (255, 28), "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    # File systems.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "open_tree": (428, 428),
    "open_tree_attr": (467, 467), "move_mount": (429, 429), "mount_setattr": (442, 442), "statmount": (457, 457),
    "listmount": (458, 458), "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "acct": (163, 89),
    # Wide and seldom used parts of the kernel.
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "memfd_secret": (447, 447), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "lsm_set_self_attr": (460, 460),
    # The machine.
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "syslog": (103, 116), "sethostname": (170, 161),
    "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "vhangup": (153, 58),
    "uselib": (134, None), "lookup_dcookie": (212, 18), "nfsservctl": (180, 42),
    # Who this process is.
    "capset": (126, 91), "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "setfsuid": (122, 151),
    "setfsgid": (123, 152),
}  # fmt: skip

ABSENT: dict[str, Numbers] = {"clone3": (435, 435)}
"""Its flags lie in memory, where no filter looks; where it is missing, the C library takes ``clone``."""

RULED: dict[str, Numbers] = {
    "clone": (56, 220), "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274), "move_pages": (279, 239), "kill": (62, 129),
    "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "prctl": (157, 167),
    "fcntl": (72, 25), "ioctl": (16, 29),
}  # fmt: skip


@dataclass(frozen=True)
class Condition:
    """What the lower 32 bits of an argument must be; of the three, one is given.

    Args:
        argument: its place, from 0.
        only: the values that pass.
        never: the values that do not.
        bits: that must be set.
    """

    argument: int
    only: tuple[int, ...] = ()
    never: tuple[int, ...] = ()
    bits: int = 0


_CLONE_THREAD = 0x10000
_STOPPING = (19, 20, 21, 22)
"""SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU: a worker that stops itself would never be missed."""
_PRCTL_PDEATHSIG, _PRCTL_MM, _PRCTL_SUBREAPER, _PRCTL_PTRACER = 1, 35, 36, 0x59616D61
_FCNTL_SIGNALS = (8, 15, 1024, 1026)
"""F_SETOWN and F_SETOWN_EX send signals to whom they name; F_SETLEASE and F_NOTIFY tell who touches a file."""
_IOCTL_TYPE, _IOCTL_CONSOLE = 0x5412, 0x541C
"""TIOCSTI and TIOCLINUX put words into a terminal's mouth."""
_AF_UNIX, _SOCK_STREAM, _SOCK_SEQPACKET = 1, 1, 5
_SOCKET_FLAGS = (0, 0x800, 0x80000, 0x80800)
"""SOCK_NONBLOCK and SOCK_CLOEXEC."""

CUDA: dict[str, tuple[Condition, ...]] = {
    "socket": (
        Condition(0, only=(_AF_UNIX,)),
        Condition(1, only=tuple(kind | flag for kind in (_SOCK_STREAM, _SOCK_SEQPACKET) for flag in _SOCKET_FLAGS)),
    ),
    "bind": (),
    "listen": (),
}
"""``cuInit`` fails unless it can listen on a local socket, by which processes of one program share a GPU's memory.

Nothing comes or goes by it: to connect, to accept and to send stay denied, a socket of these kinds receives nothing
without, and Landlock forbids one in the file system.
"""


def rules(process: int) -> dict[str, tuple[Condition, ...]]:
    """Conditions under which a call of ``RULED`` passes, all of them to be met.

    Args:
        process: number of the process that is filtered; calls about it alone pass.
    """
    itself = Condition(0, only=(0, process))
    by_number = (
        "prlimit64",
        "sched_setaffinity",
        "sched_setscheduler",
        "sched_setparam",
        "sched_setattr",
        "move_pages",
    )
    to_itself = Condition(0, only=(process,))
    return {
        "clone": (Condition(0, bits=_CLONE_THREAD),),
        **dict.fromkeys(by_number, (itself,)),
        "kill": (to_itself, Condition(1, never=_STOPPING)),
        "rt_sigqueueinfo": (to_itself, Condition(1, never=_STOPPING)),
        "tgkill": (to_itself, Condition(2, never=_STOPPING)),
        "rt_tgsigqueueinfo": (to_itself, Condition(2, never=_STOPPING)),
        "prctl": (Condition(0, never=(_PRCTL_PDEATHSIG, _PRCTL_MM, _PRCTL_SUBREAPER, _PRCTL_PTRACER)),),
        "fcntl": (Condition(1, never=_FCNTL_SIGNALS),),
        "ioctl": (Condition(1, never=(_IOCTL_TYPE, _IOCTL_CONSOLE)),),
    }
