"""Conversion of TensorFlow.js graph models to ONNX.

Only the operations of detectors of the MobileNet family are supported. TensorFlow keeps channels
last, ONNX first: each spatial operation is wrapped in two transpositions, most of which ONNX
Runtime removes.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17

_FIRST = [0, 3, 1, 2]
_LAST = [0, 2, 3, 1]
_TYPES = {"float32": np.float32, "float16": np.float16, "int32": np.int32, "uint8": np.uint8}
_DTYPES = {
    "DT_FLOAT": TensorProto.FLOAT,
    "DT_INT32": TensorProto.INT32,
    "DT_BOOL": TensorProto.BOOL,
}


class UnsupportedModel(Exception):
    """The model contains something that this converter does not support."""


def convert_to_onnx(model_json: bytes, weights: bytes) -> bytes:
    """Convert a tfjs model (model.json and its concatenated weights) to ONNX.

    Inputs and outputs keep their names.
    """
    document = json.loads(model_json)
    if document.get("format") != "graph-model":
        raise UnsupportedModel("this is not a graph model of TensorFlow.js")
    builder = _Builder(parse_weights(document["weightsManifest"], weights))
    for node in document["modelTopology"]["node"]:
        builder.add(node)
    signature = document["signature"]
    outputs = sorted(signature["outputs"])
    for output in outputs:
        if signature["outputs"][output]["name"] != output:
            builder.emit("Identity", [signature["outputs"][output]["name"]], output)
    graph = helper.make_graph(
        builder.nodes,
        "tfjs",
        [
            helper.make_tensor_value_info(name, *_parse_shape(entry))
            for name, entry in sorted(signature["inputs"].items())
        ],
        [
            helper.make_tensor_value_info(name, *_parse_shape(signature["outputs"][name]))
            for name in outputs
        ],
        [
            numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in builder.used_constants()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    made: bytes = model.SerializeToString()
    return made


def parse_weights(manifest: list[dict[str, Any]], weights: bytes) -> dict[str, NDArray[Any]]:
    """Parse the weights into arrays by name.

    Arrays that are quantised to float16 are widened; other quantisations are not supported.
    """
    found: dict[str, NDArray[Any]] = {}
    offset = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        stored = entry.get("quantization", {}).get("dtype", entry["dtype"])
        if stored not in _TYPES or (stored == "uint8" and "quantization" in entry):
            raise UnsupportedModel(f"weights of type {stored}")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(weights, np.dtype(_TYPES[stored]).newbyteorder("<"), count, offset)
        offset += values.nbytes
        found[entry["name"]] = values.astype(_TYPES[entry["dtype"]]).reshape(entry["shape"])
    if offset != len(weights):
        raise UnsupportedModel(f"{len(weights)} bytes of weights where {offset} are described")
    return found


def _parse_shape(entry: dict[str, Any]) -> tuple[int, list[int]]:
    return _DTYPES[entry["dtype"]], [int(side["size"]) for side in entry["tensorShape"]["dim"]]


def _get_texts(attributes: dict[str, Any], name: str) -> list[str]:
    return [
        base64.b64decode(word).decode()
        for word in attributes.get(name, {}).get("list", {}).get("s", [])
    ]


def _get_text(attributes: dict[str, Any], name: str) -> str:
    return base64.b64decode(attributes[name]["s"]).decode()


def _get_height_and_width(attributes: dict[str, Any], name: str) -> list[int]:
    """Return the height and width of a list over batch, height, width and channels."""
    return [int(number) for number in attributes.get(name, {}).get("list", {}).get("i", ["1"] * 4)][
        1:3
    ]


class _Builder:
    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self.weights = weights
        self.constants: dict[str, NDArray[Any]] = {}
        self.nodes: list[onnx.NodeProto] = []

    def emit(self, operation: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operation, inputs, list(outputs), **attributes))
        return outputs[0]

    def used_constants(self) -> list[tuple[str, NDArray[Any]]]:
        used = {given for node in self.nodes for given in node.input}
        return [(name, value) for name, value in self.constants.items() if name in used]

    def constant(self, name: str, value: Any, kind: Any = np.int64) -> str:
        self.constants[name] = np.asarray(value, dtype=kind)
        return name

    def value(self, name: str) -> NDArray[Any]:
        if name not in self.weights:
            raise UnsupportedModel(f"{name} is computed where a constant was expected")
        return self.weights[name]

    def add(self, node: dict[str, Any]) -> None:
        name, kind = node["name"], node["op"]
        # ":0" is the first output, which has no number here.
        inputs = [
            given.removesuffix(":0") for given in node.get("input", []) if not given.startswith("^")
        ]
        attributes = node.get("attr", {})
        if kind == "Const":
            self.constants[name] = self.weights[name]
        elif kind == "Placeholder":
            return
        elif kind in _PLAIN:
            self.emit(_PLAIN[kind], inputs, name)
        elif kind in _BUILDERS:
            _BUILDERS[kind](self, name, inputs, attributes)
        else:
            raise UnsupportedModel(f"operation {kind} of {name}")

    def convolve(
        self, name: str, inputs: list[str], attributes: dict[str, Any], depthwise: bool
    ) -> None:
        kernel = self.value(inputs[1])  # height, width, in, out (or multiplier)
        groups = 1
        if depthwise:
            groups = kernel.shape[2]
            kernel = kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])
        else:
            kernel = kernel.transpose(3, 2, 0, 1)
        arguments = {
            "strides": _get_height_and_width(attributes, "strides"),
            "dilations": _get_height_and_width(attributes, "dilations"),
            "group": groups,
            "auto_pad": {"SAME": "SAME_UPPER", "VALID": "VALID"}[_get_text(attributes, "padding")],
        }
        first = self.emit("Transpose", [inputs[0]], f"{name}//first", perm=_FIRST)
        given = [first, self.constant(f"{name}//kernel", kernel, np.float32)]
        fused = _get_texts(attributes, "fused_ops")
        if fused[:1] == ["BiasAdd"]:
            given.append(
                self.constant(f"{name}//bias", self.value(inputs[2]).reshape(-1), np.float32)
            )
        out = self.emit("Conv", given, f"{name}//conv", **arguments)
        match fused[1:]:
            case []:
                pass
            case ["Relu"]:
                out = self.emit("Relu", [out], f"{name}//act")
            case ["Relu6"]:
                out = self.relu6(out, f"{name}//act")
            case _:
                raise UnsupportedModel(f"{fused} fused into {name}")
        self.emit("Transpose", [out], name, perm=_LAST)

    def relu6(self, given: str, name: str) -> str:
        low, high = self.constant("zero", 0, np.float32), self.constant("six", 6, np.float32)
        return self.emit("Clip", [given, low, high], name)

    def max_pool(self, name: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        first = self.emit("Transpose", [inputs[0]], f"{name}//first", perm=_FIRST)
        pooled = self.emit(
            "MaxPool",
            [first],
            f"{name}//pooled",
            kernel_shape=_get_height_and_width(attributes, "ksize"),
            strides=_get_height_and_width(attributes, "strides"),
            auto_pad={"SAME": "SAME_UPPER", "VALID": "VALID"}[_get_text(attributes, "padding")],
        )
        self.emit("Transpose", [pooled], name, perm=_LAST)

    def resize(self, name: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        mode = "asymmetric"
        if attributes.get("align_corners", {}).get("b"):
            mode = "align_corners"
        elif attributes.get("half_pixel_centers", {}).get("b"):
            mode = "half_pixel"
        # The new size may be computed: [batch, height, width, channels] with the other sizes of the
        # image.
        shape = self.emit("Shape", [inputs[0]], f"{name}//shape")
        batch = self.emit("Gather", [shape, self.constant("index0", [0])], f"{name}//batch")
        channels = self.emit("Gather", [shape, self.constant("index3", [3])], f"{name}//channels")
        size = self.emit("Cast", [inputs[1]], f"{name}//size", to=TensorProto.INT64)
        sizes = self.emit("Concat", [batch, channels, size], f"{name}//sizes", axis=0)
        first = self.emit("Transpose", [inputs[0]], f"{name}//first", perm=_FIRST)
        resized = self.emit(
            "Resize",
            [first, "", "", sizes],
            f"{name}//resized",
            mode="linear",
            coordinate_transformation_mode=mode,
        )
        self.emit("Transpose", [resized], name, perm=_LAST)

    def mean(self, name: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        axes = [int(axis) for axis in self.value(inputs[1]).reshape(-1)]
        self.emit(
            "ReduceMean",
            [inputs[0]],
            name,
            axes=axes,
            keepdims=int(bool(attributes.get("keep_dims", {}).get("b"))),
        )

    def concat(self, name: str, inputs: list[str], _attributes: dict[str, Any]) -> None:
        self.emit("Concat", inputs[:-1], name, axis=int(self.value(inputs[-1])))

    def reshape(self, name: str, inputs: list[str], _attributes: dict[str, Any]) -> None:
        shape = self.emit("Cast", [inputs[1]], f"{name}//shape", to=TensorProto.INT64)
        self.emit("Reshape", [inputs[0], shape], name)

    def cast(self, name: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        self.emit("Cast", inputs, name, to=_DTYPES[attributes["DstT"]["type"]])

    def expand(self, name: str, inputs: list[str], _attributes: dict[str, Any]) -> None:
        axes = self.constant(f"{name}//axes", self.value(inputs[1]).reshape(-1))
        self.emit("Unsqueeze", [inputs[0], axes], name)

    def slice(self, name: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        masks = {
            key: int(attributes.get(key, {}).get("i", 0))
            for key in attributes
            if key.endswith("_mask")
        }
        if masks.get("ellipsis_mask") or masks.get("new_axis_mask"):
            raise UnsupportedModel(f"a slice of {name} with an ellipsis or a new axis")
        begin, end, step = (self.value(given).reshape(-1) for given in inputs[1:4])
        axes = np.arange(begin.size)
        open_start = (masks.get("begin_mask", 0) >> axes) & 1
        open_end = (masks.get("end_mask", 0) >> axes) & 1
        given = [
            inputs[0],
            self.constant(f"{name}//starts", np.where(open_start, 0, begin)),
            self.constant(f"{name}//ends", np.where(open_end, np.iinfo(np.int32).max, end)),
            self.constant(f"{name}//axes", axes),
            self.constant(f"{name}//steps", step),
        ]
        shrunk = axes[((masks.get("shrink_axis_mask", 0) >> axes) & 1).astype(bool)]
        if not shrunk.size:
            self.emit("Slice", given, name)
            return
        sliced = self.emit("Slice", given, f"{name}//sliced")
        self.emit("Squeeze", [sliced, self.constant(f"{name}//shrunk", shrunk)], name)

    def top_k(self, name: str, inputs: list[str], _attributes: dict[str, Any]) -> None:
        k = self.constant(f"{name}//k", self.value(inputs[1]).reshape(1))
        self.emit("TopK", [inputs[0], k], name, f"{name}//places")
        self.emit("Cast", [f"{name}//places"], f"{name}:1", to=TensorProto.INT32)

    def gather(self, name: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        if int(attributes.get("batch_dims", {}).get("i", 0)):
            raise UnsupportedModel(f"gathering by batch in {name}")
        self.emit("Gather", inputs[:2], name, axis=int(self.value(inputs[2])))


# Integer division rounds down in TensorFlow and towards zero in ONNX. The result is equal for the
# indices that the model computes.
_PLAIN = {
    "Add": "Add",
    "AddV2": "Add",
    "Sub": "Sub",
    "Mul": "Mul",
    "FloorDiv": "Div",
    "FloorMod": "Mod",
    "Relu": "Relu",
    "Sigmoid": "Sigmoid",
    "Equal": "Equal",
    "Identity": "Identity",
}

_BUILDERS: dict[str, Callable[[_Builder, str, list[str], dict[str, Any]], object]] = {
    "Conv2D": lambda builder, *arguments: builder.convolve(*arguments, depthwise=False),
    "_FusedConv2D": lambda builder, *arguments: builder.convolve(*arguments, depthwise=False),
    "DepthwiseConv2dNative": lambda builder, *arguments: builder.convolve(
        *arguments, depthwise=True
    ),
    "FusedDepthwiseConv2dNative": lambda builder, *arguments: builder.convolve(
        *arguments, depthwise=True
    ),
    "Relu6": lambda builder, name, inputs, _arguments: builder.relu6(inputs[0], name),
    "MaxPool": _Builder.max_pool,
    "ResizeBilinear": _Builder.resize,
    "Mean": _Builder.mean,
    "ConcatV2": _Builder.concat,
    "Reshape": _Builder.reshape,
    "Cast": _Builder.cast,
    "ExpandDims": _Builder.expand,
    "StridedSlice": _Builder.slice,
    "TopKV2": _Builder.top_k,
    "GatherV2": _Builder.gather,
}
