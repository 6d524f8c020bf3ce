"""What goes to nodes: whole files by their content, and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from auditor.documents.plan import DataPlan, ModelPlan, Plan
from auditor.engines.orders import Parcel
from auditor.engines.parcels import for_nodes, is_plain, on_node, parcels_of, unpacked
from auditor.errors import AuditIncomplete, InputRefused
from auditor.models.open import open_file


def plan(model: Path | str, data: Path | str = "digits") -> Plan:
    return Plan(model=ModelPlan(path=str(model)), data=DataPlan(data=str(data)), instances_folder="/here/instances")


def with_external_weights(folder: Path) -> Path:
    """A linear model whose weights lie in a folder beside it."""
    (folder / "parts").mkdir(parents=True)
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    (folder / "parts" / "w.bin").write_bytes(weights.tobytes())
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=weights.shape)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="parts/w.bin")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])], [tensor],
    )  # fmt: skip
    file = folder / "model.onnx"
    file.write_bytes(helper.make_model(graph).SerializeToString())
    return file


def test_a_model_goes_with_its_weights_and_is_the_same_there(tmp_path: Path):
    model = with_external_weights(tmp_path / "here")
    (tmp_path / "here" / "secret.txt").write_text("not named by the graph")
    sent = parcels_of(plan(model))
    assert [(parcel.purpose, parcel.name) for parcel, _ in sent] == [("model", "model.onnx"), ("model", "parts/w.bin")]
    contents = {parcel.sha256: file.read_bytes() for parcel, file in sent}
    places = unpacked([parcel for parcel, _ in sent], lambda parcel: contents[parcel.sha256], tmp_path / "there")
    assert {path.name for path in (tmp_path / "there").rglob("*") if path.is_file()} == {"model.onnx", "w.bin"}
    onnx.checker.check_model(str(places["model"]))
    with open_file(model) as here, open_file(places["model"]) as there:
        assert here.sha256 == there.sha256


def test_data_go_as_a_file_only(tmp_path: Path):
    model = tmp_path / "m.onnx"
    model.write_bytes(b"m")
    (tmp_path / "d.npz").write_bytes(b"d")
    (tmp_path / "folder").mkdir()
    assert [parcel.name for parcel, _ in parcels_of(plan(model, tmp_path / "d.npz"))] == ["m.onnx", "d.npz"]
    assert [parcel.name for parcel, _ in parcels_of(plan(model, tmp_path / "folder"))] == ["m.onnx"]
    assert [parcel.name for parcel, _ in parcels_of(plan(model, "digits"))] == ["m.onnx"]


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path):
    with pytest.raises(InputRefused, match=r"expected a file that can be read; found .*none\.onnx"):
        parcels_of(plan(tmp_path / "none.onnx"))


def test_paths_mean_the_same_in_any_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    there = for_nodes(plan("m.onnx", "images"))
    assert (there.model.path, there.data.data) == (str(tmp_path / "m.onnx"), str(tmp_path / "images"))
    assert there.data.root == str(tmp_path / ".cache" / "data")
    assert for_nodes(plan("m.onnx", "digits")).data.data == "digits"


def test_a_node_reads_what_was_sent_and_writes_below_its_folder():
    places = {"model": Path("/n/1/m.onnx"), "data": Path("/n/2/d.npz")}
    there = on_node(plan("/here/m.onnx", "/here/d.npz"), places, Path("/n/instances"))
    assert (there.model.path, there.data.data) == ("/n/1/m.onnx", "/n/2/d.npz")
    assert there.instances_folder == "/n/instances"
    seen_by_all = on_node(plan("/here/m.onnx", "/shared/images"), {"model": Path("/n/1/m.onnx")}, Path("/n/instances"))
    assert seen_by_all.data.data == "/shared/images"


def test_a_content_is_fetched_once_and_believed_by_its_digest(tmp_path: Path):
    parcel, asked = Parcel(purpose="model", name="m.onnx", sha256=hashlib.sha256(b"m").hexdigest()), []

    def content(parcel: Parcel) -> bytes:
        asked.append(parcel.name)
        return b"m" if len(asked) > 1 else b"another"

    with pytest.raises(AuditIncomplete, match="as it was when the audit began; found another content"):
        unpacked([parcel], content, tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    for _ in range(2):
        unpacked([parcel], content, tmp_path)
    assert asked == ["m.onnx"] * 2


def test_a_node_without_room_says_so(tmp_path: Path):
    (tmp_path / "folder").write_text("a file in its place")
    parcel = Parcel(purpose="model", name="m.onnx", sha256=hashlib.sha256(b"m").hexdigest())
    with pytest.raises(AuditIncomplete, match=r"expected room for m\.onnx on the node; found .*; free space there"):
        unpacked([parcel], lambda _: b"m", tmp_path / "folder")


@pytest.mark.parametrize(
    ("name", "plain"), [("w.bin", True), ("a/w.bin", True), ("../w.bin", False), ("/etc/w", False), ("", False)]
)
def test_names_stay_below_the_folder(name: str, plain: bool):
    assert is_plain(name) is plain
