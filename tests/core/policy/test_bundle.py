"""A policy bundle: every byte is checked, every refusal names the file and the cause."""

import hashlib
import json
import os
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_core.errors import BundleError
from moto_core.policy import bundle as bundle_file
from moto_core.policy.arrays import declared_arrays, unpack_arrays
from moto_core.policy.bundle import read_bundle, write_bundle
from moto_core.policy.manifest import Manifest
from moto_ros.chaos.tiny_bundle import (
    COMMIT,
    EPISODE,
    SPEC,
    encoder_onnx,
    forge,
    policy_onnx,
    selftest,
    write_tiny_bundle,
)

FILES = ['encoder.onnx', 'manifest.json', 'policy.onnx', 'selftest.npz']


@pytest.fixture(scope='module')
def original(tmp_path_factory):
    return write_tiny_bundle(tmp_path_factory.mktemp('exports'))


@pytest.fixture
def bundle(original, tmp_path):
    return shutil.copytree(original, tmp_path / original.name)


def test_a_bundle_is_a_folder_of_four_files_named_by_its_content(original):
    assert sorted(os.listdir(original)) == FILES
    assert original.name == hashlib.sha256((original / 'manifest.json').read_bytes()).hexdigest()
    data = json.loads((original / 'manifest.json').read_text())
    for name in set(FILES) - {'manifest.json'}:
        content = (original / name).read_bytes()
        assert data['files'][name] == {
            'bytes': len(content),
            'sha256': hashlib.sha256(content).hexdigest(),
        }
    assert (data['format'], data['spec']['rate'], data['parent']) == (3, 12.5, '')


def test_the_manifest_comes_back_as_it_was_written(original):
    manifest = read_bundle(original).manifest
    assert replace(manifest, files={}) == Manifest(
        spec=SPEC,
        training={'seed': 0},
        git_hash=COMMIT,
        episodes=[EPISODE],
        disagreement_threshold=0.5,
    )


def test_the_content_is_what_was_written(original):
    read = read_bundle(original)
    assert (read.encoder, read.policy) == (encoder_onnx(), policy_onnx())
    arrays = unpack_arrays(read.selftest, declared_arrays(read.selftest))
    assert arrays.keys() == selftest().keys()
    for name, array in selftest().items():
        np.testing.assert_array_equal(arrays[name], array)


def test_the_same_content_gives_the_same_name_and_is_written_once(original, tmp_path):
    first = write_tiny_bundle(tmp_path)
    times = {name: (first / name).stat().st_mtime_ns for name in FILES}
    assert first.name == original.name
    assert write_tiny_bundle(tmp_path) == first
    assert {name: (first / name).stat().st_mtime_ns for name in FILES} == times
    assert os.listdir(tmp_path) == [first.name]


def test_other_content_gives_another_name(original, tmp_path):
    assert write_tiny_bundle(tmp_path, manifest_parent='0' * 64).name != original.name
    assert write_tiny_bundle(tmp_path, policy=policy_onnx(value=2)).name != original.name


@pytest.mark.parametrize('name', FILES)
@settings(max_examples=60, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_one_changed_byte_anywhere_is_refused(original, tmp_path_factory, name, where, flip):
    copy = tmp_path_factory.mktemp('copy') / original.name
    shutil.copytree(original, copy)
    content = bytearray((copy / name).read_bytes())
    content[int(where * len(content))] ^= flip
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=f'{name}.*changed.*expected.*got') as error:
        read_bundle(copy)
    assert hashlib.sha256(content).hexdigest() in str(error.value)


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize('kept', [0, 1, -1])
def test_a_truncated_file_is_refused(bundle, name, kept):
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(content[:kept])
    with pytest.raises(BundleError, match=f'{name}.*(truncated|changed).*expected.*got'):
        read_bundle(bundle)


@pytest.mark.parametrize('name', sorted(set(FILES) - {'manifest.json'}))
def test_an_added_byte_is_refused_with_both_sizes(bundle, name):
    size = (bundle / name).stat().st_size
    with (bundle / name).open('ab') as stream:
        stream.write(b'\0')
    with pytest.raises(BundleError, match=f'{name}.*expected bytes {size}, got {size + 1}'):
        read_bundle(bundle)


@pytest.mark.parametrize('name', FILES)
def test_a_missing_file_is_named(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=f'missing: {name}; expected exactly'):
        read_bundle(bundle)


@pytest.mark.parametrize('extra', ['notes.txt', '.hidden', 'policy.onnx.data', 'encoder.pkl'])
def test_an_extra_file_is_named(bundle, extra):
    (bundle / extra).write_text('')
    with pytest.raises(BundleError, match=f'unexpected: {extra}'):
        read_bundle(bundle)


def test_missing_and_extra_files_are_told_at_once(bundle):
    (bundle / 'policy.onnx').rename(bundle / 'policy.pt')
    with pytest.raises(BundleError, match=r'missing: policy.onnx; unexpected: policy.pt'):
        read_bundle(bundle)


def test_a_folder_in_the_place_of_a_file_is_named(bundle):
    (bundle / 'policy.onnx').unlink()
    (bundle / 'policy.onnx').mkdir()
    with pytest.raises(BundleError, match='not a file: policy.onnx'):
        read_bundle(bundle)


def test_a_renamed_folder_is_refused_and_a_link_to_it_is_not(bundle):
    link = bundle.parent / 'current'
    link.symlink_to(bundle)
    assert read_bundle(link).hash == bundle.name
    other = bundle.rename(bundle.parent / 'mine')
    with pytest.raises(BundleError, match=f'expected SHA-256 mine.*got {bundle.name}'):
        read_bundle(other)


def test_a_link_in_the_place_of_a_file_is_refused(bundle, tmp_path):
    for name in FILES:
        moved = (bundle / name).rename(tmp_path / name)
        (bundle / name).symlink_to(moved)
        with pytest.raises(BundleError, match=f'a link: {name}'):
            read_bundle(bundle)
        (bundle / name).unlink()
        moved.rename(bundle / name)
    read_bundle(bundle)


def test_a_file_that_became_a_link_after_the_listing_is_not_followed(bundle, monkeypatch):
    monkeypatch.setattr(bundle_file, '_check_listing', lambda folder: None)
    content = (bundle / 'policy.onnx').read_bytes()
    (bundle.parent / 'other').write_bytes(content)
    (bundle / 'policy.onnx').unlink()
    (bundle / 'policy.onnx').symlink_to(bundle.parent / 'other')
    with pytest.raises(BundleError, match=r"cannot read '.*policy\.onnx': Too many levels"):
        read_bundle(bundle)


def test_a_pipe_in_the_place_of_a_file_is_named_and_not_waited_for(bundle):
    (bundle / 'policy.onnx').unlink()
    os.mkfifo(bundle / 'policy.onnx')
    with pytest.raises(BundleError, match=r'not a file: policy\.onnx'):
        read_bundle(bundle)


def test_many_unexpected_files_are_not_all_listed(bundle):
    for number in range(30):
        (bundle / f'extra{number:02}').touch()
    (bundle / 'a\nb\x1b').touch()
    with pytest.raises(
        BundleError, match=r"unexpected: 'a b\\x1b', .*extra06 and 23 more;"
    ) as error:
        read_bundle(bundle)
    assert 'extra07' not in str(error.value)


@pytest.mark.parametrize('name', ['manifest.json', 'policy.onnx'])
def test_a_file_of_terabytes_is_refused_and_not_read(bundle, name):
    with (bundle / name).open('r+b') as stream:
        stream.truncate(1 << 40)  # a hole: it takes no room on the disk
    with pytest.raises(BundleError, match=f'{name}.*(got {1 << 40}|has {1 << 40} bytes)'):
        read_bundle(bundle)


def test_a_network_larger_than_any_is_refused_though_its_record_fits(bundle):
    data = json.loads((bundle / 'manifest.json').read_text())
    data['files']['policy.onnx']['bytes'] = 1 << 40
    with pytest.raises(BundleError, match=r'files policy.onnx bytes is 1099511627776; expected'):
        read_bundle(forge(bundle, json.dumps(data).encode()))


def test_a_manifest_is_refused_with_its_path_though_its_hash_fits(bundle):
    forged = forge(bundle, b'{"format": 1}')
    with pytest.raises(BundleError, match=f"'{forged}/manifest.json': expected format 3, got 1; "):
        read_bundle(forged)


def test_a_path_that_is_no_bundle_is_named(tmp_path):
    with pytest.raises(BundleError, match='/nowhere. does not exist; expected a folder'):
        read_bundle('/nowhere')
    (tmp_path / 'file').touch()
    with pytest.raises(BundleError, match='is not a folder'):
        read_bundle(tmp_path / 'file')
    with pytest.raises(BundleError, match='missing: encoder.onnx, manifest.json'):
        read_bundle(tmp_path)


def test_pickled_arrays_are_not_written(tmp_path):
    objects = {**selftest(), 'action': np.array([{'a': 1}], object)}
    with pytest.raises(BundleError, match='plain arrays.*Object'):
        write_tiny_bundle(tmp_path, selftest=objects)
    assert os.listdir(tmp_path) == []


def test_a_manifest_that_json_cannot_hold_is_refused_before_writing(tmp_path):
    for wrong in (float('nan'), float('inf'), {1, 2}):
        with pytest.raises(BundleError, match='not plain JSON'):
            write_tiny_bundle(tmp_path, manifest_training={'value': wrong})
    assert os.listdir(tmp_path) == []


def test_a_manifest_that_could_not_be_read_again_is_refused_before_writing(tmp_path):
    deep: list = []
    for _ in range(20):
        deep = [deep]
    for wrong, message in ((deep, 'deep'), ('a\nb', 'printable'), ('x' * (5 << 20), 'bytes')):
        with pytest.raises(BundleError, match=message):
            write_tiny_bundle(tmp_path, manifest_training={'value': wrong})
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(BundleError, match='cannot write the bundle.*No space left'):
        write_tiny_bundle(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_writer_left_goes_with_a_later_write_and_nothing_else_does(tmp_path):
    kept, gone = [], tmp_path / '.0123456789abcdef.a1b2_c3d.part'
    for name in ('.0123456789abcdef.a1b2.part', 'of_a_user.part', '.a1b2.part'):
        kept.append(tmp_path / name)
    elsewhere, link = tmp_path / 'elsewhere', tmp_path / '.fedcba9876543210.a1b2.part'
    for folder in (gone, elsewhere, *kept):
        folder.mkdir()
        (folder / 'policy.onnx').write_bytes(b'half')
    link.symlink_to(elsewhere)
    old = time.time() - 2 * bundle_file.ABANDONED
    for folder in (gone, *kept[1:]):
        os.utime(folder, (old, old))
    os.utime(link, (old, old), follow_symlinks=False)
    written = write_tiny_bundle(tmp_path)
    there = {path for path in tmp_path.iterdir() if path.name != written.name}
    assert there == {elsewhere, link, *kept}
    assert (elsewhere / 'policy.onnx').read_bytes() == b'half'


def test_a_damaged_bundle_is_not_taken_for_the_one_to_write(bundle):
    (bundle / 'policy.onnx').write_bytes(b'')
    with pytest.raises(BundleError, match='policy.onnx'):
        write_tiny_bundle(bundle.parent)


def test_a_place_that_cannot_hold_a_folder_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(BundleError, match='cannot write the bundle.*file'):
        write_bundle(tmp_path / 'file', b'', b'', Manifest(spec=SPEC), {})
