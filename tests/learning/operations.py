"""What torch is asked to do while some code runs."""

from torch.utils._python_dispatch import TorchDispatchMode


class Operations(TorchDispatchMode):
    """Keeps what `note` (operation, args, kwargs, result) says of each, if it is not None."""

    def __init__(self, note):
        super().__init__()
        self.note, self.seen = note, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        said = self.note(function, args, kwargs or {}, found)
        if said is not None:
            self.seen.append(said)
        return found
