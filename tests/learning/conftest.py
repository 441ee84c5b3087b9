"""What a command sets for its whole process is undone after each test."""

import pytest
import torch


@pytest.fixture(autouse=True)
def denormals():
    """Commands flush denormals to zero; Hypothesis needs them."""
    yield
    torch.set_flush_denormal(False)
