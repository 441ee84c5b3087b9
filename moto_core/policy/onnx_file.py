"""A look into an ONNX file before onnxruntime has it: no tensor may keep its data elsewhere.

onnxruntime opens the files that a tensor's external_data names, also those outside the bundle, and
has no option that forbids it. In: the file's bytes. Out: nothing, or BundleError.

An ONNX file is one protobuf message: a row of fields, each a tag (number and wire type) and its
value, of which some are messages again. Only those that can hold a tensor are looked into.
"""

from __future__ import annotations

from moto_core.errors import BundleError

PARTS = {  # message: the fields, by number, that are or hold tensors, and what they are
    'Model': {7: 'Graph', 20: 'TrainingInfo', 25: 'Function'},
    'TrainingInfo': {1: 'Graph', 2: 'Graph'},
    'Graph': {1: 'Node', 5: 'Tensor', 15: 'SparseTensor'},
    'Function': {7: 'Node', 11: 'Attribute'},
    'Node': {5: 'Attribute'},
    'Attribute': {
        5: 'Tensor',
        6: 'Graph',
        10: 'Tensor',
        11: 'Graph',
        22: 'SparseTensor',
        23: 'SparseTensor',
    },
    'SparseTensor': {1: 'Tensor', 2: 'Tensor'},
    'Tensor': {},
}
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # fields of a Tensor: where its data is
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4 (groups) are not in ONNX
MAX_FIELDS = 1_000_000  # of a file; a policy at the paper's size has under 20,000


def refuse_external_data(where: str, model: bytes) -> None:
    """Raises BundleError, naming `where`, if any tensor of the model keeps its data outside it.

    Raises BundleError also for bytes that are no protobuf message or hold too many fields.
    """
    waiting = [('Model', 0, len(model))]
    fields = 0
    while waiting:
        message, at, end = waiting.pop()
        while at < end:
            fields += 1
            if fields > MAX_FIELDS:
                raise _not_onnx(where, f'it has more than {MAX_FIELDS} fields')
            tag, at = _varint(where, model, at, end)
            if tag >> 32:
                raise _not_onnx(where, f'a tag of {tag} at byte {at}')
            number, wire = tag >> 3, tag & 7
            begin, at, value = _value(where, model, at, end, wire)
            if message == 'Tensor' and _is_elsewhere(number, value):
                raise BundleError(
                    f"'{where}' keeps a tensor's data in another file; "
                    'expected all data in the network itself: export it with external_data=False'
                )
            if wire == BYTES and number in PARTS[message]:
                waiting.append((PARTS[message][number], begin, at))


def _is_elsewhere(number: int, value: int) -> bool:
    return number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0)


def _value(where: str, model: bytes, at: int, end: int, wire: int) -> tuple[int, int, int]:
    """Returns where a field's value begins and ends, and the varint in it or before it."""
    if wire == VARINT:
        value, after = _varint(where, model, at, end)
        return at, after, value
    if wire == BYTES:
        size, at = _varint(where, model, at, end)
    elif wire in (FIXED64, FIXED32):
        size = 8 if wire == FIXED64 else 4
    else:
        raise _not_onnx(where, f'wire type {wire} at byte {at}')
    if size > end - at:
        raise _not_onnx(where, f'a field of {size} bytes at byte {at} passes the end')
    return at, at + size, size


def _varint(where: str, model: bytes, at: int, end: int) -> tuple[int, int]:
    """Returns the number at a byte, 7 bits a byte and the least first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise _not_onnx(where, f'a number at byte {at} passes the end')
        byte = model[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _not_onnx(where, f'a number of over 10 bytes at byte {at}')


def _not_onnx(where: str, cause: str) -> BundleError:
    return BundleError(f"'{where}' is not an ONNX network: {cause}; export it again")
