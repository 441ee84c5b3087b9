import json
import resource

import pytest

from moto_learning.run.metrics import MetricsError, MetricsLog, read_metrics


def test_a_line_holds_update_phase_and_values_and_nan_becomes_null(tmp_path):
    log = MetricsLog(tmp_path)
    log.write(3, 'offline', {'model/loss': 1.5, 'actor/loss': float('nan')})
    row = json.loads((tmp_path / 'metrics.jsonl').read_text())
    log.close()
    assert row['update'] == 3 and row['phase'] == 'offline' and row['model/loss'] == 1.5
    assert row['actor/loss'] is None and row['time'] > row['cpu'] > 0


def test_lines_that_the_checkpoint_does_not_count_and_a_torn_one_are_dropped_on_resume(tmp_path):
    log = MetricsLog(tmp_path)
    for update in (10, 20, 30):
        log.write(update, 'offline', {'a/b': update})
    assert log.lines == 3
    log.close()
    with (tmp_path / 'metrics.jsonl').open('a') as stream:
        stream.write('{"update": 40, "pha')
    with (tmp_path / 'metrics.jsonl').open('ab') as stream:
        stream.write(b'\xff\n' + b'[' * 100_000 + b'\n[]\n')
    log = MetricsLog(tmp_path, lines=2)
    log.write(25, 'offline', {'a/b': 0})
    log.close()
    assert [row['update'] for row in read_metrics(tmp_path)] == [10, 20, 25]


def test_a_full_disk_is_one_line_that_names_the_file_and_what_was_written_stays(tmp_path):
    log = MetricsLog(tmp_path)
    log.write(10, 'offline', {'a/b': 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = log.path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))
    try:
        with pytest.raises(MetricsError, match=f"'{log.path}': File too large; free some space"):
            log.write(20, 'offline', {'a/b': 2})
        log.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [row['update'] for row in read_metrics(tmp_path)] == [10]
