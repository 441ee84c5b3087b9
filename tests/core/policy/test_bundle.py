"""A policy bundle: every byte is checked, every refusal names the file and the cause."""

import hashlib
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_core.errors import BundleError
from moto_core.policy.bundle import (
    Manifest,
    load_manifest,
    read_bundle,
    verify_bundle,
    write_bundle,
)
from moto_core.policy.signature import encoder_signature, policy_signature
from tests.core.policy.tiny_bundle import (
    SPEC,
    encoder_onnx,
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


def rename_to_hash(path):
    """Makes the folder's name fit a manifest that was edited by hand."""
    text = (path / 'manifest.json').read_bytes()
    return path.rename(path.parent / hashlib.sha256(text).hexdigest())


def edit_manifest(path, **changes):
    data = json.loads((path / 'manifest.json').read_text()) | changes
    text = json.dumps({key: value for key, value in data.items() if value is not ...})
    (path / 'manifest.json').write_text(text)
    return rename_to_hash(path)


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
    assert (data['format'], data['rate'], data['parent']) == (2, 12.5, '')


def test_the_manifest_comes_back_as_it_was_written(original):
    manifest = verify_bundle(original)
    assert manifest == load_manifest(original)
    assert replace(manifest, files={}) == Manifest(
        spec=SPEC,
        encoder=encoder_signature(SPEC, 1),
        policy=policy_signature(SPEC, 1, 1, 2),
        training={'seed': 0},
        git_hash='abc',
        episodes=['e1'],
        disagreement_threshold=0.5,
    )


def test_the_content_is_what_was_written(original):
    read = read_bundle(original)
    assert (read.encoder, read.policy) == (encoder_onnx(), policy_onnx())
    assert read.selftest.keys() == selftest().keys()
    for name, array in selftest().items():
        np.testing.assert_array_equal(read.selftest[name], array)


def test_the_same_content_gives_the_same_name_and_is_written_once(original, tmp_path):
    first = write_tiny_bundle(tmp_path)
    times = {name: (first / name).stat().st_mtime_ns for name in FILES}
    assert first.name == original.name
    assert write_tiny_bundle(tmp_path) == first
    assert {name: (first / name).stat().st_mtime_ns for name in FILES} == times
    assert os.listdir(tmp_path) == [first.name]


def test_other_content_gives_another_name(original, tmp_path):
    assert write_tiny_bundle(tmp_path, manifest_parent='x').name != original.name
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
        verify_bundle(bundle)


@pytest.mark.parametrize('name', set(FILES) - {'manifest.json'})
def test_an_added_byte_is_refused_with_both_sizes(bundle, name):
    size = (bundle / name).stat().st_size
    with (bundle / name).open('ab') as stream:
        stream.write(b'\0')
    with pytest.raises(BundleError, match=f'{name}.*expected bytes {size}, got {size + 1}'):
        verify_bundle(bundle)


@pytest.mark.parametrize('name', FILES)
def test_a_missing_file_is_named(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=f'missing: {name}; expected exactly'):
        verify_bundle(bundle)


@pytest.mark.parametrize('extra', ['notes.txt', '.hidden', 'policy.onnx.data', 'encoder.pkl'])
def test_an_extra_file_is_named(bundle, extra):
    (bundle / extra).write_text('')
    with pytest.raises(BundleError, match=f'unexpected: {extra}'):
        verify_bundle(bundle)


def test_missing_and_extra_files_are_told_at_once(bundle):
    (bundle / 'policy.onnx').rename(bundle / 'policy.pt')
    with pytest.raises(BundleError, match=r'missing: policy.onnx; unexpected: policy.pt'):
        verify_bundle(bundle)


def test_a_folder_in_the_place_of_a_file_is_named(bundle):
    (bundle / 'policy.onnx').unlink()
    (bundle / 'policy.onnx').mkdir()
    with pytest.raises(BundleError, match='not a file: policy.onnx'):
        verify_bundle(bundle)


def test_a_renamed_folder_is_refused_and_a_link_to_it_is_not(bundle):
    link = bundle.parent / 'current'
    link.symlink_to(bundle)
    assert read_bundle(link).hash == bundle.name
    other = bundle.rename(bundle.parent / 'mine')
    with pytest.raises(BundleError, match=f'expected SHA-256 mine.*got {bundle.name}'):
        load_manifest(other)


def test_a_path_that_is_no_bundle_is_named(tmp_path):
    with pytest.raises(BundleError, match='/nowhere. does not exist; expected a folder'):
        read_bundle('/nowhere')
    (tmp_path / 'file').touch()
    with pytest.raises(BundleError, match='is not a folder'):
        read_bundle(tmp_path / 'file')
    with pytest.raises(BundleError, match='missing: encoder.onnx, manifest.json'):
        read_bundle(tmp_path)
    with pytest.raises(BundleError, match="cannot read.*manifest.json'"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'format': 1}, 'expected format 2, got 1; export it again'),
        ({'rate': 10.0}, 'rate is 10.0 Hz; expected the spec.s 12.5 Hz'),
        ({'spec': {'joints': ['a']}}, 'action_scale'),
        ({'spec': ...}, "expected a field 'spec'"),
        ({'surprise': 1}, 'surprise'),
        ({'encoder': 3}, 'not a manifest'),
        ({'files': {}}, "expected a field 'encoder.onnx'"),
        ({'tolerance': 'loose'}, 'tolerance'),
        ({'tolerance': -1.0}, 'tolerance'),
    ],
)
def test_a_manifest_with_a_wrong_field_is_refused_though_its_hash_fits(bundle, changes, message):
    with pytest.raises(BundleError, match=message):
        verify_bundle(edit_manifest(bundle, **changes))


def test_a_manifest_that_is_not_json_is_refused_though_its_hash_fits(bundle):
    for text in (b'', b'[]', b'null', b'\xff\xfe', b'{"format": 2'):
        (bundle / 'manifest.json').write_bytes(text)
        bundle = rename_to_hash(bundle)
        with pytest.raises(BundleError, match='not a manifest'):
            verify_bundle(bundle)


def test_pickled_arrays_are_refused_both_ways(tmp_path):
    objects = {**selftest(), 'action': np.array([{'a': 1}], object)}
    with pytest.raises(BundleError, match='plain arrays.*Object'):
        write_tiny_bundle(tmp_path, selftest=objects)
    assert os.listdir(tmp_path) == []
    bundle = write_tiny_bundle(tmp_path)
    np.savez(bundle / 'selftest.npz', **objects)
    content = (bundle / 'selftest.npz').read_bytes()
    files = json.loads((bundle / 'manifest.json').read_text())['files']
    files['selftest.npz'] = {'bytes': len(content), 'sha256': hashlib.sha256(content).hexdigest()}
    with pytest.raises(BundleError, match='selftest.npz.*not a file of plain arrays.*pickle'):
        read_bundle(edit_manifest(bundle, files=files))


def test_a_manifest_that_json_cannot_hold_is_refused_before_writing(tmp_path):
    for wrong in (float('nan'), float('inf'), {1, 2}):
        with pytest.raises(BundleError, match='not plain JSON'):
            write_tiny_bundle(tmp_path, manifest_training={'value': wrong})
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(BundleError, match='cannot write the bundle.*No space left'):
        write_tiny_bundle(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_damaged_bundle_is_not_taken_for_the_one_to_write(bundle):
    (bundle / 'policy.onnx').write_bytes(b'')
    with pytest.raises(BundleError, match='policy.onnx'):
        write_tiny_bundle(bundle.parent)


def test_a_place_that_cannot_hold_a_folder_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(BundleError, match='cannot write the bundle.*file'):
        write_bundle(
            tmp_path / 'file',
            b'',
            b'',
            Manifest(SPEC, encoder_signature(SPEC, 1), policy_signature(SPEC, 1, 1, 2)),
            {},
        )
