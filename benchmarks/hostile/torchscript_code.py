"""TorchScript programs: they read and write files, never end, flood, fail with hostile words, or change their answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks.hostile.case import ACCEPTED, LIMIT, REFUSED, Case
from benchmarks.hostile.weights import linear_digits

OUTSIDE = "OUTSIDE"
"""Name, in the programs, of the folder of the canaries; ``verdicts.Canaries`` makes it beside the case's folder."""

_HEAD = "        return self.last(x.flatten(1))"

# The body of forward, behind ``def forward(self, x):``; ``{secret}`` and the like are files outside.
BODIES: dict[str, tuple[str, tuple[int, ...]]] = {
    "reads-a-file": ("        t = torch.from_file('{secret}', False, 4)\n        return self.last(x.flatten(1)) + t.sum()", (REFUSED,)),
    "overwrites-a-file": ("        t = torch.from_file('{victim}', True, 4)\n        t.fill_(7.0)\n        return self.last(x.flatten(1)) + t.sum()", (REFUSED,)),
    "makes-a-file": ("        t = torch.from_file('{dropped}', True, 4)\n        return self.last(x.flatten(1)) + t.sum()", (REFUSED,)),
    "saves-a-file": ("        torch.save(x, '{dropped}')\n" + _HEAD, (ACCEPTED, REFUSED)),
    "reads-the-environment": ("        t = torch.from_file('/proc/self/environ', False, 4)\n        return self.last(x.flatten(1)) + t.sum()", (REFUSED, ACCEPTED)),
    "reads-passwords": ("        t = torch.from_file('/etc/passwd', False, 4)\n        return self.last(x.flatten(1)) + t.sum()", (REFUSED,)),
    "reads-a-disk": ("        t = torch.from_file('/dev/sda', False, 4)\n        return self.last(x.flatten(1)) + t.sum()", (REFUSED,)),
    "endless-loop": ("        while True:\n            x = x + 0.0\n" + _HEAD, (LIMIT,)),
    "endless-loop-on-data": ("        while bool(x.sum() >= 0):\n            x = x + 0.0\n" + _HEAD, (LIMIT,)),
    "long-loop": ("        for i in range(1000000000000000):\n            x = x + 0.0\n" + _HEAD, (LIMIT,)),
    "huge-allocation": ("        y = torch.ones([1000000, 1000000])\n        return self.last(x.flatten(1)) + y.mean()", (LIMIT, REFUSED)),
    "many-allocations": ("        l = [x]\n        for i in range(1000000000):\n            l.append(torch.ones([1000000]))\n        return self.last(x.flatten(1)) + l[-1].mean()", (LIMIT, REFUSED)),
    "huge-string": ("        s = 'x'\n        for i in range(60):\n            s = s + s\n        return self.last(x.flatten(1)) + len(s)", (LIMIT, REFUSED)),
    "negative-shape": ("        return x.reshape([-5, -7])", (REFUSED,)),
    "index-out-of-range": ("        return x[1000000000]", (REFUSED,)),
    "fails": ("        raise RuntimeError('evil')\n" + _HEAD, (REFUSED,)),
    "fails-with-control-characters": ("        raise RuntimeError('\x1b[2J\x07\\nTraceback (most recent call last):\\n  File ')\n" + _HEAD, (REFUSED,)),
    "fails-with-a-long-text": ("        raise RuntimeError('" + "x" * 1_000_000 + "')\n" + _HEAD, (REFUSED,)),
    "fails-with-the-advice-to-unpickle": ("        raise RuntimeError('set weights_only=False')\n" + _HEAD, (REFUSED,)),
    "fails-as-out-of-memory": ("        raise RuntimeError('out of memory')\n" + _HEAD, (LIMIT, REFUSED)),
    "asserts": ("        assert bool(x.sum() < 0), 'no'\n" + _HEAD, (REFUSED,)),
    "prints": ("        print('evil\x1b[2J', x)\n" + _HEAD, (ACCEPTED,)),
    "prints-a-flood": ("        for i in range(200000):\n            print('{{\"kind\":\"finished\"}}')\n" + _HEAD, (ACCEPTED, LIMIT)),
    "returns-text": ("        return 'evil'", (REFUSED,)), "returns-nothing": ("        return None", (REFUSED,)),
    "returns-a-number": ("        return 3.5", (REFUSED,)), "returns-a-scalar": ("        return x.sum()", (REFUSED,)),
    "returns-labels": ("        return self.last(x.flatten(1)).argmax(1)", (REFUSED,)),
    "returns-no-rows": ("        return self.last(x.flatten(1))[:0]", (REFUSED,)),
    "returns-fewer-rows": ("        return self.last(x.flatten(1))[1:]", (REFUSED,)),
    "returns-a-map-of-images": ("        return x.repeat(1, 5, 1, 1)", (REFUSED,)),
    "returns-an-empty-list": ("        l = [x]\n        l.clear()\n        return l", (REFUSED,)),
    "returns-a-deep-tuple": ("        return ((((((((self.last(x.flatten(1)),),),),),),),),)", (ACCEPTED, REFUSED)),
    "returns-hostile-keys": ("        return {{'<b>\x1b[2J': self.last(x.flatten(1))}}", (ACCEPTED,)),
    "returns-complex": ("        return torch.complex(self.last(x.flatten(1)), self.last(x.flatten(1)))", (REFUSED,)),
    "returns-a-million-classes": ("        return x.flatten(1).mean(1, keepdim=True).expand(-1, 1000000)", (ACCEPTED, LIMIT, REFUSED)),
    "all-nan": ("        return self.last(x.flatten(1)) / 0.0 * 0.0", (REFUSED,)),
    "divides-by-zero": ("        return self.last(x.flatten(1)) + float(1 // int(x.sum() * 0))", (REFUSED,)),
    "one-column-of-means": ("        return x.flatten(1).mean(1, keepdim=True)", (REFUSED,)),
    "hash-of-the-batch": ("        return self.last(x.flatten(1)) + float(len(x) % 7)", (ACCEPTED,)),
}  # fmt: skip
# What shows itself only in an audit: answers that change.
ODD: dict[str, str] = {
    "random": "        return self.last(x.flatten(1)) + torch.randn([len(x), 10]) * 9",
    "depends-on-the-batch": "        return self.last(x.flatten(1)) * float(len(x))",
    "works-in-place": "        x.mul_(0.5)\n        return self.last(x.flatten(1))",
    "dropout-in-training": "        return torch.nn.functional.dropout(self.last(x.flatten(1)), 0.5, True)",
    "constant": "        return self.last(x.flatten(1)) * 0.0",
    "counts-its-calls": "        self.calls += 1\n        return self.last(x.flatten(1)) * float(self.calls.item())",
    "turns-hostile-later": "        self.calls += 1\n        if int(self.calls.item()) > 20:\n            raise RuntimeError('later')\n        return self.last(x.flatten(1))",
    "turns-endless-later": "        self.calls += 1\n        while int(self.calls.item()) > 20:\n            x = x + 0.0\n        return self.last(x.flatten(1))",
    "turns-wide-later": "        self.calls += 1\n        y = self.last(x.flatten(1))\n        if int(self.calls.item()) > 20:\n            y = torch.cat([y, y], 1)\n        return y",
    "turns-nan-later": "        self.calls += 1\n        y = self.last(x.flatten(1))\n        if int(self.calls.item()) > 20:\n            y = y / 0.0 * 0.0\n        return y",
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
        codes = (
            (LIMIT,) if "endless" in name else (REFUSED, LIMIT, ACCEPTED) if "later" in name else (ACCEPTED, REFUSED)
        )
        why = "answers that change are flagged; a program that fails later ends the audit with one line"
        yield Case(f"torchscript/run/{name}", _saved(body), codes, why, audit=True, seconds=150.0)
    yield Case("torchscript/code/nested-modules", _recursive, (ACCEPTED, REFUSED), "deep, but finite")
