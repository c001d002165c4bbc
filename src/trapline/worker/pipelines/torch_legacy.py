"""Weights in the file format of PyTorch before 1.6, read without PyTorch.

No code in the file is executed.
"""

import io
import pickle
from collections import OrderedDict
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# torch/serialization.py: MAGIC_NUMBER and PROTOCOL_VERSION of the legacy format.
MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class InvalidLegacyFile(Exception):
    """The file is not in the legacy format, or contains something that weights do not need."""


class _Tensor:
    """A view of a storage whose numbers come later in the file."""

    def __init__(
        self,
        storage: tuple[str, np.dtype[Any]],
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
    ):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride


def _rebuild(storage: Any, offset: int, size: Any, stride: Any, *_: object) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(size), tuple(stride))


class _Restricted(pickle.Unpickler):
    """An unpickler for ordered dictionaries and tensors, which refuses every other import."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise InvalidLegacyFile(f"{module}.{name} is not allowed in a file of weights")

    def persistent_load(self, reference: Any) -> tuple[str, np.dtype[Any]]:
        kind, dtype, key, *_ = reference
        if kind != "storage":
            raise InvalidLegacyFile(f"a reference to {kind!r}")
        return str(key), dtype


def parse_tensors(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """Parse the tensors of a file into arrays by name.

    Raises:
        InvalidLegacyFile: the file has another format, or would import something.
    """
    data = io.BytesIO(file.read())
    try:
        if _load(data) != MAGIC or _load(data) != PROTOCOL or not _load(data)["little_endian"]:
            raise InvalidLegacyFile("it does not start like a file of this format")
        tensors = _load(data)
        dtypes = {tensor.storage[0]: tensor.storage[1] for tensor in tensors.values()}
        storages = {key: _read_storage(data, dtypes[key]) for key in _load(data)}
        return {
            name: _view(tensor, storages[tensor.storage[0]]) for name, tensor in tensors.items()
        }
    except (
        pickle.UnpicklingError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
    ) as error:
        raise InvalidLegacyFile(f"{type(error).__name__}: {error}") from error


def _load(data: BinaryIO) -> Any:
    return _Restricted(data).load()


def _read_storage(data: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    count = int.from_bytes(data.read(8), "little")
    taken = data.read(count * dtype.itemsize)
    return np.frombuffer(taken, dtype, count)


def _view(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    count = 1 + sum(
        (side - 1) * step for side, step in zip(tensor.size, tensor.stride, strict=True)
    )
    if 0 in tensor.size:
        return np.zeros(tensor.size, storage.dtype)
    if (
        tensor.offset < 0
        or min(tensor.stride, default=0) < 0
        or tensor.offset + count > storage.size
    ):
        raise ValueError("a tensor reaches over its storage")
    strides = [step * storage.itemsize for step in tensor.stride]
    view = np.lib.stride_tricks.as_strided(
        storage[tensor.offset :], tensor.size, strides, writeable=False
    )
    return np.ascontiguousarray(view)
