"""What a path may hold instead of a model, each made by the program that makes such files."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import pickle
import shutil
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from auditor.errors import AuditError, InputRefused, UsageError
from auditor.models import base
from auditor.models.base import Backend, ModelOptions
from auditor.models.model_file import ModelFile
from auditor.models.open import open_file, open_model
from tests.models.torchscript.torchscript_files import Cnn, Mlp, noise, save, seeded

CPU = ModelOptions(device="cpu")


def format_of(path: Path) -> str:
    with open_file(path) as file:
        return file.format


def digest_of(path: Path) -> tuple[str, int]:
    with open_file(path) as file:
        return file.sha256, file.size_bytes


def onnx_model(width: int = 8, seed: int = 0) -> onnx.ModelProto:
    """A linear classifier of four classes."""
    weight = np.random.default_rng(seed).normal(size=(width, 4)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def written(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def zipped(names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def saved(content: object, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def export_archive(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(seeded(Mlp()), (noise(2, 16),)), path.with_suffix(".pt2"))
    path.with_suffix(".pt2").rename(path)


def safetensors(header_size: int) -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).ljust(header_size)
    return len(header).to_bytes(8, "little") + header.encode() + bytes(4)


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.onnx"))
    return buffer.getvalue()


def array(save: Callable[[io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


class Pickled(nn.Linear):
    """A module that torch.save writes whole."""


ONNX = onnx_model().SerializeToString()
REFUSALS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "folder": (Path.mkdir, "a folder", "give the path of the model file"),
    "empty file": (written(b""), "an empty file", "download the file again"),
    "text": (written("weights: naïve\n".encode()), "a text file", "give the path of the model file"),
    "long text": (written(b"a" * 4095 + "é".encode() + b"b"), "a text file", "give the path"),
    "html": (written(b"\n<!DOCTYPE html><title>404</title>"), "an HTML page", "download the model file itself"),
    "lfs": (written(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"), "Git LFS", "git lfs pull"),
    "raw pickle": (written(pickle.dumps({"a": 1})), "a raw pickle", "torch.onnx.export"),
    "legacy checkpoint": (written(saved({"w": torch.ones(2)}, legacy=True)), "a raw pickle", "torch.onnx.export"),
    "state_dict": (written(saved(Mlp().state_dict())), "checkpoint (state_dict or nn.Module)", "torch.jit.trace"),
    "module": (written(saved(Pickled(2, 2))), "pickled checkpoint", "torch.jit.script"),
    "safetensors": (written(safetensors(64)), "a safetensors file", "torch.onnx.export"),
    # Its length, 128, reads as the first byte of a pickle.
    "safetensors of 128": (written(safetensors(128)), "a safetensors file", "torch.onnx.export"),
    "torch.export": (export_archive, "a torch.export archive", "--trust-model"),
    "hdf5": (written(b"\x89HDF\r\n\x1a\n" + bytes(40)), "a Keras/HDF5 file", "tf2onnx"),
    "keras": (written(zipped({"config.json": b"{}", "model.weights.h5": b"x"})), "a Keras file", "format='onnx'"),
    "tflite": (written(b"\x1c\x00\x00\x00TFL3" + bytes(40)), "a TensorFlow Lite model", "tf2onnx --tflite"),
    "gguf": (written(b"GGUF\x03\x00\x00\x00" + bytes(40)), "a GGUF language model", "classifier"),
    "npy": (written(array(lambda file: np.save(file, np.ones(3)))), "a NumPy array", "--data"),
    "npz": (written(array(lambda file: np.savez(file, x=np.ones(3)))), "a NumPy archive", "--data"),
    "png": (written(b"\x89PNG\r\n\x1a\n" + bytes(9)), "a PNG image", "--data"),
    "gzip": (written(gzip.compress(ONNX)), "a gzip archive", "unpack it first"),
    "tar": (written(tar()), "a tar archive", "unpack it first"),
    "zip": (written(zipped({"model.onnx": ONNX})), "a zip archive without a model", "unpack it first"),
    "cut zip": (written(saved(Mlp().state_dict())[:-40]), "corrupt or truncated zip", "download the file again"),
    "cut onnx": (written(ONNX[:-20]), "an ONNX file that ends too early", "download the file again"),
    "frozen graph": (written(b"\x0a\x05\x0a\x01x\x12\x00"), "binary content of an unknown kind", "ONNX"),
    "noise": (written(bytes(range(1, 200))), "begins with 01 02 03 04 05 06 07 08", "export the model to ONNX"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("name", ["model.onnx", "model.pt"])
def test_refusals_name_what_is_there(case: str, name: str, tmp_path: Path):
    make, found, action = REFUSALS[case]
    make(tmp_path / name)
    with pytest.raises(InputRefused) as caught:
        open_model(tmp_path / name, CPU)
    assert found in caught.value.found
    assert action in caught.value.action
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)


def test_the_safetensors_of_128_begin_like_a_pickle():
    assert safetensors(128)[:1] == pickle.dumps(1)[:1] == b"\x80"


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(InputRefused, match=r"found no file at .*gone\.onnx; check the path"):
        open_model(tmp_path / "gone.onnx", CPU)


def test_a_saved_model_folder(tmp_path: Path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(InputRefused, match="a TensorFlow SavedModel folder"):
        open_model(tmp_path, CPU)


def test_a_pipe(tmp_path: Path):
    os.mkfifo(tmp_path / "model.pt")
    with pytest.raises(InputRefused, match="no regular file"):
        open_model(tmp_path / "model.pt", CPU)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"\x08\x08", b"\x80\x02", ONNX[:30]]))
def test_any_bytes_are_refused_or_sniffed(tmp_path_factory: pytest.TempPathFactory, tail: bytes, head: bytes):
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(head + tail)
    # Anything but these two outcomes is an error of another class and fails the test.
    with contextlib.suppress(InputRefused):
        assert format_of(path) in ("onnx", "torchscript")


@pytest.mark.parametrize("name", ["model.onnx", "model.pt", "model"])
def test_the_content_decides_and_not_the_extension(name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(ONNX)
    assert format_of(path) == "onnx"
    assert format_of(save(seeded(Mlp()), path, "script", noise(1))) == "torchscript"


def test_onnx_whose_fields_come_in_another_order(tmp_path: Path):
    model, graph = onnx_model(), onnx.ModelProto()
    graph.graph.CopyFrom(model.graph)
    model.ClearField("graph")
    (tmp_path / "m.onnx").write_bytes(graph.SerializeToString() + model.SerializeToString())
    assert format_of(tmp_path / "m.onnx") == "onnx"


def test_opens_both_formats(tmp_path: Path):
    eager = seeded(Cnn())
    script = open_model(save(eager, tmp_path / "a.pt", "trace", noise(1, 3, 8, 8)), CPU)
    x = noise(3, 3, 8, 8)
    assert torch.equal(script.scores(x), eager(x).detach())
    (tmp_path / "b.onnx").write_bytes(ONNX)
    backend = open_model(tmp_path / "b.onnx", CPU)
    weight = torch.from_numpy(numpy_helper.to_array(onnx_model().graph.initializer[0]).copy())
    torch.testing.assert_close(backend.scores(noise(3, 8)), noise(3, 8) @ weight)


def test_a_damaged_archive(tmp_path: Path):
    path = save(seeded(Mlp()), tmp_path / "m.pt", "script", noise(1))
    with zipfile.ZipFile(path) as archive:
        names = {name: archive.read(name) for name in archive.namelist()}
    names = {name: b"def forward(" if name.endswith(".py") else content for name, content in names.items()}
    path.write_bytes(zipped(names))
    with pytest.raises(InputRefused) as caught:
        open_model(path, CPU)
    assert "\n" not in str(caught.value)


def plug_in(monkeypatch: pytest.MonkeyPatch, opener: Callable[[ModelFile, ModelOptions], Backend]) -> None:
    assert "onnx" in base.model_formats  # the registry is filled
    monkeypatch.setitem(base.model_formats._entries, "lines", opener)


def test_the_format_of_a_plug_in_goes_by_its_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "m.lines").write_text("y = 2 x")
    with pytest.raises(InputRefused, match="a text file"):
        format_of(tmp_path / "m.lines")
    eager = open_model(save(seeded(Mlp()), tmp_path / "m.pt", "script", noise(1)), CPU)
    plug_in(monkeypatch, lambda file, options: eager)
    assert open_model(tmp_path / "m.lines", CPU) is eager
    with pytest.raises(InputRefused, match="no file"):
        format_of(tmp_path / "gone.lines")


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (KeyError("w"), InputRefused, "a readable lines model; found m.lines: 'w'; export"),
        (RuntimeError("one\ntwo"), InputRefused, "m.lines: one; export"),
        (ValueError(""), InputRefused, "m.lines: ValueError; export"),
        (UsageError("expected less"), UsageError, "expected less"),
    ],
)
def test_what_an_opener_raises(
    raised: Exception, expected: type[AuditError], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def opener(file: ModelFile, options: ModelOptions) -> Backend:
        raise raised

    plug_in(monkeypatch, opener)
    (tmp_path / "m.lines").write_text("y = 2 x")
    with pytest.raises(expected, match=message):
        open_model(tmp_path / "m.lines", CPU)


class TestDigest:
    def test_of_one_file_is_its_sha256(self, tmp_path: Path):
        path = save(seeded(Mlp()), tmp_path / "m.pt", "script", noise(1))
        content = path.read_bytes()
        assert digest_of(path) == (hashlib.sha256(content).hexdigest(), len(content))
        (tmp_path / "m.onnx").write_bytes(ONNX)
        assert digest_of(tmp_path / "m.onnx") == (hashlib.sha256(ONNX).hexdigest(), len(ONNX))

    def test_covers_external_data(self, tmp_path: Path):
        path = tmp_path / "m.onnx"
        onnx.save_model(onnx_model(), str(path), save_as_external_data=True, location="w.bin", size_threshold=0)
        content = path.read_bytes() + (tmp_path / "w.bin").read_bytes()
        assert (tmp_path / "w.bin").stat().st_size > 0
        assert digest_of(path) == (hashlib.sha256(content).hexdigest(), len(content))
        (tmp_path / "w.bin").unlink()
        with pytest.raises(InputRefused, match=r"external data beside it; found no file w\.bin"):
            digest_of(path)

    @pytest.mark.parametrize("location", ["../outside.bin", "/etc/hostname", "link.bin"])
    def test_external_data_elsewhere_are_refused(self, location: str, tmp_path: Path):
        folder = tmp_path / "model"
        folder.mkdir()
        (tmp_path / "outside.bin").write_bytes(bytes(128))
        (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
        model = onnx_model()
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        (folder / "m.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(InputRefused, match="external data beside it"):
            digest_of(folder / "m.onnx")


def files_of(folder: Path, how: str, seed: int) -> tuple[Path, tuple[Path, ...]]:
    """A classifier of eight numbers whose weights go by the seed: its file, and all its files."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(seed)
    if how == "onnx with external data":
        model = onnx_model(seed=seed)
        onnx.save_model(model, str(folder / "m"), save_as_external_data=True, location="w", size_threshold=0)
        return folder / "m", (folder / "m", folder / "w")
    if how == "onnx":
        (folder / "m").write_bytes(onnx_model(seed=seed).SerializeToString())
    elif how == "torchscript":
        save(nn.Linear(8, 4), folder / "m", "script", noise(1))
    else:
        torch.export.save(torch.export.export(nn.Linear(8, 4), (noise(2, 8),)), folder / "m.pt2")
        (folder / "m.pt2").rename(folder / "m")
    return folder / "m", (folder / "m",)


class TestSwapped:
    """The file is another one between its digest and its loading."""

    @pytest.fixture(params=["onnx", "onnx with external data", "torchscript", "pt2"])
    def two(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> tuple[Path, Callable[[Callable[..., object]], None]]:
        path, mine = files_of(tmp_path / "audited", request.param, 0)
        _, others = files_of(tmp_path / "other", request.param, 1)

        def swap(how: Callable[..., object]) -> None:
            for old, new in zip(mine, others, strict=True):
                how(new, old)

        return path, swap

    def test_what_is_digested_is_what_is_loaded(self, two: tuple[Path, Callable[[Callable[..., object]], None]]):
        path, swap = two
        options, x = ModelOptions(device="cpu", trust_model=True), noise(2, 8)
        scores, digest = open_model(path, options).scores(x), digest_of(path)
        with open_file(path) as file:
            assert (file.sha256, file.size_bytes) == digest
            swap(os.replace)
            loaded = open_model(file, options)
            file.check_unchanged()
        assert torch.equal(loaded.scores(x), scores)
        assert digest_of(path) != digest
        assert not torch.equal(open_model(path, options).scores(x), scores)

    def test_a_file_written_over_is_refused(self, two: tuple[Path, Callable[[Callable[..., object]], None]]):
        path, swap = two
        with open_file(path) as file:
            assert file.sha256
            file.check_unchanged()
            os.utime(path)  # other times, equal content
            file.check_unchanged()
            swap(shutil.copyfile)
            with pytest.raises(InputRefused, match="written to while it was read"):
                file.check_unchanged()


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX paths")
@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "a\0b"])
def test_paths_that_the_system_does_not_take_are_refused(name: str, tmp_path: Path):
    with pytest.raises(InputRefused, match="expected a trained classifier"):
        digest_of(tmp_path / name)


@pytest.mark.parametrize("location", ["w.bin\0.png", "x" * 300, "loop.bin"])
def test_external_data_under_impossible_names_are_refused(location: str, tmp_path: Path):
    (tmp_path / "loop.bin").symlink_to("loop.bin")
    model = onnx_model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputRefused, match="external data beside it"):
        digest_of(tmp_path / "m.onnx")
