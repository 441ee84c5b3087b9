"""Changes to an HDF5 file that somebody else might have made."""

import h5py


def change(path, act):
    with h5py.File(path, 'a') as file:
        act(file)


def replaced(name, value):
    def act(file):
        del file[name]
        file[name] = value

    return act


def flip(path, byte, bit=2):
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)
