"""EfficientNet-lite0 as an ONNX model, built from its weights."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
EPSILON = 1e-3
SIDE = 224

# Kernel, stride of the first layer, repeats: B0 of Tan and Le 2019 without squeeze and with ReLU6,
# as in the lite variants.
STAGES = ((3, 1, 1), (3, 2, 2), (5, 2, 2), (3, 2, 3), (5, 1, 3), (5, 2, 4), (3, 1, 1))


def build_efficientnet(weights: dict[str, NDArray[Any]]) -> bytes:
    """Build the ONNX model from its weights.

    The input is `pixels` [n, 3, 224, 224] RGB as (x - 127) / 128; the outputs are `logits` [n,
    1000] and `embedding` [n, 1280]. Batch norms are folded into the preceding convolutions.
    """
    builder = _Builder(weights)
    out = builder.convolve("pixels", "_conv_stem", "_bn0", stride=2)
    strides = [stride if first == 0 else 1 for _, stride, count in STAGES for first in range(count)]
    for number, stride in enumerate(strides):
        block = f"_blocks.{number}."
        given = out
        if f"{block}_expand_conv.weight" in weights:
            out = builder.convolve(out, f"{block}_expand_conv", f"{block}_bn0")
        out = builder.convolve(
            out, f"{block}_depthwise_conv", f"{block}_bn1", stride=stride, depthwise=True
        )
        out = builder.convolve(out, f"{block}_project_conv", f"{block}_bn2", active=False)
        came = builder.channels.get(given)
        if stride == 1 and came == builder.channels[out]:
            builder.nodes.append(helper.make_node("Add", [given, out], [f"{block}sum"]))
            builder.channels[f"{block}sum"] = builder.channels[out]
            out = f"{block}sum"
    out = builder.convolve(out, "_conv_head", "_bn1")
    builder.nodes.append(helper.make_node("GlobalAveragePool", [out], ["pooled"]))
    builder.nodes.append(helper.make_node("Flatten", ["pooled"], ["embedding"]))
    builder.constant("_fc.weight", weights["_fc.weight"])
    builder.constant("_fc.bias", weights["_fc.bias"])
    builder.nodes.append(
        helper.make_node("Gemm", ["embedding", "_fc.weight", "_fc.bias"], ["logits"], transB=1)
    )
    graph = helper.make_graph(
        builder.nodes,
        "efficientnet-lite0",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 1280]),
        ],
        builder.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    made: bytes = model.SerializeToString()
    return made


class _Builder:
    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants = [
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(np.array(6, np.float32), "six"),
        ]
        self.channels: dict[str, int] = {}

    def constant(self, name: str, value: NDArray[Any]) -> None:
        self.constants.append(
            numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name)
        )

    def convolve(
        self,
        given: str,
        name: str,
        norm: str,
        stride: int = 1,
        depthwise: bool = False,
        active: bool = True,
    ) -> str:
        kernel = self.weights[f"{name}.weight"].astype(np.float64)  # out, in, height, width
        scale = self.weights[f"{norm}.weight"] / np.sqrt(
            self.weights[f"{norm}.running_var"].astype(np.float64) + EPSILON
        )
        self.constant(f"{name}.kernel", kernel * scale[:, None, None, None])
        self.constant(
            f"{name}.shift",
            self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * scale,
        )
        conv = helper.make_node(
            "Conv",
            [given, f"{name}.kernel", f"{name}.shift"],
            [name],
            strides=[stride, stride],
            group=kernel.shape[0] if depthwise else 1,
            auto_pad="SAME_UPPER",
        )
        self.nodes.append(conv)
        out = name
        if active:
            out = f"{name}.active"
            self.nodes.append(helper.make_node("Clip", [name, "zero", "six"], [out]))
        self.channels[out] = kernel.shape[0]
        return out
