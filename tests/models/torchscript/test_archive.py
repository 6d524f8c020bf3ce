"""Damage that torch.jit.load accepts in silence."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from auditor.errors import InputRefused
from auditor.models.torchscript import archive as torchscript_archive
from auditor.models.torchscript.archive import TracedInput
from tests.models.torchscript.torchscript_files import Mlp, noise, save, seeded


def check_archive(path: Path) -> TracedInput | None:
    with path.open("rb") as content:
        return torchscript_archive.check_archive(content, path.name)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(seeded(Mlp()), tmp_path / "model.pt", "trace", noise(2, 16))


def rewrite(path: Path, change: Callable[[zipfile.ZipInfo, bytes], bytes], compress: str = "") -> Path:
    """The archive written again, with records changed or those whose name contains ``compress`` deflated."""
    out = path.with_name("changed.pt")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            deflate = bool(compress) and compress in info.filename
            method = zipfile.ZIP_DEFLATED if deflate else info.compress_type
            new.writestr(info.filename, change(info, old.read(info)), compress_type=method)
    return out


def test_an_intact_archive_passes_and_tells_the_example(model: Path):
    assert check_archive(model) == TracedInput((2, 16), "FloatStorage")
    assert check_archive(rewrite(model, lambda _, content: content)) == TracedInput((2, 16), "FloatStorage")


def test_scripted_and_frozen_archives_tell_none(tmp_path: Path):
    for how in ("script", "frozen"):
        assert check_archive(save(seeded(nn.Linear(4, 2)), tmp_path / "m.pt", how, noise(1))) is None


def test_a_changed_byte_in_a_tensor(model: Path):
    content = bytearray(model.read_bytes())
    with zipfile.ZipFile(model) as archive:
        weights = archive.read("model/data/0")
    content[content.index(weights) + 5] ^= 1
    model.write_bytes(content)
    with pytest.raises(InputRefused, match="wrong checksum"):
        check_archive(model)


def test_a_short_tensor_record(model: Path):
    short = rewrite(model, lambda info, content: content[:-4] if info.filename.endswith("data/0") else content)
    with pytest.raises(InputRefused, match=r"tensor record data/0 of \d+ bytes, not \d+"):
        check_archive(short)


def test_a_short_constant_record(tmp_path: Path):
    path = save(seeded(Mlp()), tmp_path / "f.pt", "frozen", noise(1))
    short = rewrite(path, lambda info, content: content[:4] if info.filename.endswith("constants/0") else content)
    with pytest.raises(InputRefused, match="tensor record constants/0 of 4 bytes"):
        check_archive(short)


def test_a_compressed_tensor_record(model: Path):
    with pytest.raises(InputRefused, match="a compressed tensor record data/0"):
        check_archive(rewrite(model, lambda _, content: content, compress="data/0"))


def test_code_that_unpacks_to_too_much(model: Path):
    bomb = model.with_name("bomb.pt")
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info), compress_type=info.compress_type)
        with new.open("model/code/bomb.py", "w") as record:
            for _ in range(300):
                record.write(bytes(1 << 20))
    with pytest.raises(InputRefused, match="unpack to more than 256 MiB"):
        check_archive(bomb)


def test_a_pickle_that_would_call_something_calls_nothing(model: Path, tmp_path: Path):
    class Touch:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "called"),)

    changed = rewrite(
        model,
        lambda info, content: pickle.dumps(Touch(), protocol=2) if info.filename.endswith("data.pkl") else content,
    )
    check_archive(changed)
    assert not (tmp_path / "called").exists()


def test_a_broken_pickle(model: Path):
    broken = rewrite(model, lambda info, content: content[:20] if info.filename.endswith("data.pkl") else content)
    with pytest.raises(InputRefused, match="a corrupt archive"):
        check_archive(broken)
