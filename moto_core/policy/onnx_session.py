"""One ONNX network in onnxruntime: the provider that was asked for, or a reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moto_core.packages import missing

try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as native
except ImportError as error:
    raise missing(error) or error from error

from moto_core.errors import BundleError, one_line
from moto_core.policy.onnx_file import refuse_external_data
from moto_core.policy.signature import Signature, Tensor

REFUSALS = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
    RuntimeError,
    ValueError,
)
PROCESSOR = 'CPUExecutionProvider'
OPTIONS = {'CUDAExecutionProvider': {'use_tf32': '0'}}  # float32 in full, as the self-test needs
DTYPES = {
    'tensor(float)': 'float32',
    'tensor(double)': 'float64',
    'tensor(float16)': 'float16',
    'tensor(uint8)': 'uint8',
    'tensor(int32)': 'int32',
    'tensor(int64)': 'int64',
}


def open_session(
    path: Path, model: bytes, providers: Sequence[str], threads: int
) -> tuple[onnxruntime.InferenceSession, str]:
    """Opens a network from its bytes and returns it with the provider in use.

    The first of `providers` that this machine has is used. Runs operators one after another, each
    on `threads` threads. Raises BundleError naming `path` and the cause, also for a network that
    keeps data in other files.
    """
    refuse_external_data(str(path), model)
    available = onnxruntime.get_available_providers()
    usable = [name for name in providers if name in available]
    refused = [f'{name} is not installed' for name in providers if name not in available]
    for name in usable:
        try:
            session = onnxruntime.InferenceSession(
                model,
                _session_options(threads),
                providers=[(name, OPTIONS.get(name, {}))],
                enable_fallback=0,  # else it prints the error and tries the processor
            )
        except REFUSALS as error:
            cause = one_line(error)
            if name != PROCESSOR:
                refused.append(f'{name} does not start: {cause}')
                continue
            raise BundleError(
                f"onnxruntime refuses '{path}': {cause}; export it again with this version"
            ) from error
        if session.get_providers()[0] == name:
            return session, name
        refused.append(f'{name} does not start')
    raise BundleError(
        f"'{path}': no allowed provider works ({'; '.join(refused) or 'none is allowed'}); this "
        f"machine has {', '.join(available)}; add '{PROCESSOR}' to allow the processor"
    )


def session_signature(session: onnxruntime.InferenceSession) -> Signature:
    """Returns the inputs and outputs that the file itself declares."""
    return Signature(
        {node.name: _tensor(node) for node in session.get_inputs()},
        {node.name: _tensor(node) for node in session.get_outputs()},
    )


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    # onnxruntime's own format, told from the first bytes, would pass by refuse_external_data
    options.add_session_config_entry('session.load_model_format', 'ONNX')
    return options


def _tensor(node: Any) -> Tensor:
    return Tensor(DTYPES.get(node.type, node.type), tuple(node.shape))
