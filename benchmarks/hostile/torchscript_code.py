"""TorchScript programs that read and write files, never end, flood, fail with hostile words or change their answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case
from benchmarks.hostile.weights import linear_digits

OUTSIDE = "OUTSIDE"
"""Name, in the programs, of the folder of the canaries; ``verdicts.Canaries`` makes it beside the case's folder."""


def _forward(*lines: str, add: str = "") -> str:
    """The lines of a forward that ends in the linear layer, with ``add`` added to its scores."""
    return _lines(*lines, f"return self.last(x.flatten(1)){f' + {add}' if add else ''}")


def _lines(*lines: str) -> str:
    return "\n".join("        " + line for line in lines)


_LATER = ("self.calls += 1", "y = self.last(x.flatten(1))", "if int(self.calls.item()) > 20:")
_FOREVER = ("    x = x + 0.0",)
_REFUSED, _STOPPED, _EITHER = (REFUSED,), (LIMIT,), (LIMIT, REFUSED)

# The body of forward, behind ``def forward(self, x):``; ``{secret}`` and the like are files outside.
BODIES: dict[str, tuple[str, tuple[int, ...]]] = {
    "reads-a-file": (_forward("t = torch.from_file('{secret}', False, 4)", add="t.sum()"), _REFUSED),
    "overwrites-a-file": (
        _forward("t = torch.from_file('{victim}', True, 4)", "t.fill_(7.0)", add="t.sum()"), _REFUSED),
    "makes-a-file": (_forward("t = torch.from_file('{dropped}', True, 4)", add="t.sum()"), _REFUSED),
    "saves-a-file": (_forward("torch.save(x, '{dropped}')"), (ACCEPTED, REFUSED)),
    "reads-the-environment": (_forward("t = torch.from_file('/proc/self/environ', False, 4)", add="t.sum()"), _REFUSED),
    "reads-passwords": (_forward("t = torch.from_file('/etc/passwd', False, 4)", add="t.sum()"), _REFUSED),
    "reads-a-disk": (_forward("t = torch.from_file('/dev/sda', False, 4)", add="t.sum()"), _REFUSED),
    "endless-loop": (_forward("while True:", *_FOREVER), _STOPPED),
    "endless-loop-on-data": (_forward("while bool(x.sum() >= 0):", *_FOREVER), _STOPPED),
    "long-loop": (_forward("for i in range(1000000000000000):", *_FOREVER), _STOPPED),
    "huge-allocation": (_forward("y = torch.ones([1000000, 1000000])", add="y.mean()"), _EITHER),
    "many-allocations": (
        _forward("l = [x]", "for i in range(1000000000):", "    l.append(torch.ones([1000000]))", add="l[-1].mean()"),
        _EITHER),
    "huge-string": (_forward("s = 'x'", "for i in range(60):", "    s = s + s", add="len(s)"), _EITHER),
    "negative-shape": (_lines("return x.reshape([-5, -7])"), _REFUSED),
    "index-out-of-range": (_lines("return x[1000000000]"), _REFUSED),
    "fails": (_forward("raise RuntimeError('evil')"), _REFUSED),
    "fails-with-control-characters": (
        _forward("raise RuntimeError('\x1b[2J\x07\\nTraceback (most recent call last):\\n  File ')"), _REFUSED),
    "fails-with-a-long-text": (_forward(f"raise RuntimeError('{'x' * 1_000_000}')"), _REFUSED),
    "fails-with-the-advice-to-unpickle": (_forward("raise RuntimeError('set weights_only=False')"), _REFUSED),
    "fails-as-out-of-memory": (_forward("raise RuntimeError('out of memory')"), _EITHER),
    "asserts": (_forward("assert bool(x.sum() < 0), 'no'"), _REFUSED),
    "prints": (_forward("print('evil\x1b[2J', x)"), (ACCEPTED,)),
    "prints-a-flood": (
        _forward("for i in range(200000):", "    print('{{\"kind\":\"finished\"}}')"), (ACCEPTED, LIMIT)),
    "returns-text": (_lines("return 'evil'"), _REFUSED),
    "returns-nothing": (_lines("return None"), _REFUSED),
    "returns-a-number": (_lines("return 3.5"), _REFUSED),
    "returns-a-scalar": (_lines("return x.sum()"), _REFUSED),
    "returns-labels": (_lines("return self.last(x.flatten(1)).argmax(1)"), _REFUSED),
    "returns-no-rows": (_lines("return self.last(x.flatten(1))[:0]"), _REFUSED),
    "returns-fewer-rows": (_lines("return self.last(x.flatten(1))[1:]"), _REFUSED),
    "returns-a-map-of-images": (_lines("return x.repeat(1, 5, 1, 1)"), _REFUSED),
    "returns-an-empty-list": (_lines("l = [x]", "l.clear()", "return l"), _REFUSED),
    "returns-a-deep-tuple": (_lines("return ((((((((self.last(x.flatten(1)),),),),),),),),)"), (ACCEPTED, REFUSED)),
    "returns-hostile-keys": (_lines("return {{'<b>\x1b[2J': self.last(x.flatten(1))}}"), (ACCEPTED,)),
    "returns-complex": (_lines("z = self.last(x.flatten(1))", "return torch.complex(z, z)"), _REFUSED),
    "returns-a-million-classes": (
        _lines("return x.flatten(1).mean(1, keepdim=True).expand(-1, 1000000)"), (ACCEPTED, LIMIT, REFUSED)),
    "all-nan": (_lines("return self.last(x.flatten(1)) / 0.0 * 0.0"), _REFUSED),
    "divides-by-zero": (_forward(add="float(1 // int(x.sum() * 0))"), _REFUSED),
    "one-column-of-means": (_lines("return x.flatten(1).mean(1, keepdim=True)"), _REFUSED),
    "hash-of-the-batch": (_forward(add="float(len(x) % 7)"), (ACCEPTED,)),
}  # fmt: skip
# What shows itself only in an audit: answers that change.
ODD: dict[str, str] = {
    "random": _forward(add="torch.randn([len(x), 10]) * 9"),
    "depends-on-the-batch": _lines("return self.last(x.flatten(1)) * float(len(x))"),
    "works-in-place": _forward("x.mul_(0.5)"),
    "dropout-in-training": _lines("return torch.nn.functional.dropout(self.last(x.flatten(1)), 0.5, True)"),
    "constant": _lines("return self.last(x.flatten(1)) * 0.0"),
    "counts-its-calls": _lines("self.calls += 1", "return self.last(x.flatten(1)) * float(self.calls.item())"),
    "turns-hostile-later": _lines(*_LATER, "    raise RuntimeError('later')", "return y"),
    "turns-endless-later": _lines(*_LATER, "    while True:", "        x = x + 0.0", "return y"),
    "turns-wide-later": _lines(*_LATER, "    y = torch.cat([y, y], 1)", "return y"),
    "turns-nan-later": _lines(*_LATER, "    y = y / 0.0 * 0.0", "return y"),
}  # fmt: skip


def scripted(body: str) -> torch.jit.ScriptModule:
    """A module whose forward has this body."""
    # A class of its own: torch keeps one set of methods for each.
    module: torch.nn.Module = type("Program", (torch.nn.Module,), {})()
    module.last = torch.nn.Linear(64, 10)
    with torch.no_grad():
        module.last.weight.copy_(torch.from_numpy(linear_digits().T))
        module.last.bias.zero_()
    module.register_buffer("calls", torch.zeros(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = torch.jit.script(module)
        made.define(f"def forward(self, x: Tensor):\n{body}\n")
    return made


def _saved(body: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        outside = folder.parent / OUTSIDE
        names = {name: outside / name for name in ("secret", "victim", "dropped")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.save(scripted(body.format(**names) if "{" in body else body), str(folder / "model.pt"))
        return folder / "model.pt"

    return build


def _recursive(folder: Path) -> Path:
    """A module nested a hundred times in itself."""
    module: torch.nn.Module = torch.nn.Linear(64, 10)
    for _ in range(100):
        module = torch.nn.Sequential(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(
            torch.jit.trace(torch.nn.Sequential(torch.nn.Flatten(), module), torch.zeros(2, 1, 8, 8)),
            str(folder / "model.pt"),
        )
    return folder / "model.pt"


def cases() -> Iterator[Case]:
    """One case for each program."""
    for name, (body, codes) in BODIES.items():
        yield Case(
            f"torchscript/code/{name}", _saved(body), codes, "what a program does stays inside its sandbox and limits"
        )
    for name, body in ODD.items():
        codes = (LIMIT,) if "endless" in name else (REFUSED, LIMIT)
        why = (
            "answers that change, or are at chance, end the audit as not valid, and so does a program that fails later"
        )
        yield Case(f"torchscript/run/{name}", _saved(body), codes, why, audit=True, seconds=150.0)
    yield Case("torchscript/code/nested-modules", _recursive, (ACCEPTED, REFUSED), "deep, but finite")
