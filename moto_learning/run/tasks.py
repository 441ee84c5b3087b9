"""Which tasks a run learns, and which episodes are of none of them.

In: datasets, the ids of the episodes that a run learned from. Out: names of tasks; why an episode
is left out. A wrong `task:=` on a robot must not make another task's successes examples of this.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from moto_core.episodes.dataset import Dataset
from moto_core.episodes.manifest import Record


def learned_tasks(
    datasets: Sequence[Dataset], learned: Container[str], practised: str
) -> frozenset[str]:
    """Returns the tasks of the `learned` episodes, and the `practised` one unless it is ''."""
    found = {one.task for dataset in datasets for one in dataset.episodes() if one.id in learned}
    return frozenset(found | {practised} if practised else found)


def of_other_tasks(records: Iterable[Record], tasks: frozenset[str]) -> dict[str, str]:
    """Returns the ids of the episodes that are of none of the tasks, and what to do about each.

    Where no task is known (a checkpoint that does not say what it learned from) there are none.
    """
    known = ', '.join(sorted(tasks))
    return {
        one.id: f"it is of task '{one.task}', and the run learns {known}; record with the right "
        "task:=, and take a wrong one out with 'moto-data remove', or begin a new run with both "
        'tasks (moto-train)'
        for one in records
        if tasks and one.task not in tasks
    }
