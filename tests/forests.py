"""A scikit-learn random forest as an ONNX file, written node by node, as skl2onnx writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestClassifier


def trees(forest: RandomForestClassifier) -> dict[str, list[Any]]:
    """Attributes of TreeEnsembleClassifier; each leaf adds its class shares, divided by the number of trees."""
    found: dict[str, list[Any]] = {
        name: []
        for name in (
            "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes", "nodes_truenodeids",
            "nodes_falsenodeids", "class_treeids", "class_nodeids", "class_ids", "class_weights",
        )
    }  # fmt: skip
    for number, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        for node in range(tree.node_count):
            leaf = tree.children_left[node] < 0
            found["nodes_treeids"].append(number)
            found["nodes_nodeids"].append(node)
            found["nodes_featureids"].append(0 if leaf else int(tree.feature[node]))
            found["nodes_values"].append(0.0 if leaf else float(np.float32(tree.threshold[node])))
            found["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            found["nodes_truenodeids"].append(0 if leaf else int(tree.children_left[node]))
            found["nodes_falsenodeids"].append(0 if leaf else int(tree.children_right[node]))
            if leaf:
                shares = tree.value[node, 0] / tree.value[node, 0].sum() / len(forest.estimators_)
                for label, share in enumerate(shares):
                    found["class_treeids"].append(number)
                    found["class_nodeids"].append(node)
                    found["class_ids"].append(label)
                    found["class_weights"].append(float(share))
    return found


def write_forest(forest: RandomForestClassifier, path: Path, *, zipmap: bool = False) -> Path:
    """A file that takes ``(N, D)`` and gives labels and probabilities, these as a map where ``zipmap`` is set."""
    classes = [int(label) for label in forest.classes_]
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "shares" if zipmap else "probabilities"],
        domain="ai.onnx.ml",
        classlabels_int64s=classes,
        post_transform="NONE",
        **trees(forest),
    )
    nodes, score = [node], helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(classes)])
    if zipmap:
        zipped = helper.make_node(
            "ZipMap", ["shares"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=classes
        )
        nodes.append(zipped)
        value = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        score = helper.make_value_info(
            "probabilities", helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, value))
        )
    graph = helper.make_graph(
        nodes,
        "forest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", int(forest.n_features_in_)])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]), score],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path
