"""What several tasks write to a file's journal is committed in few groups, and nobody is told before it is."""

import asyncio
import threading

from allmysms_async.journal.errand import End, Errands


class Commits:
    """Commits groups of numbers, and keeps them; the first waits until it may end."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.groups: list[list[int]] = []

    @property
    def written(self) -> list[int]:
        """Whatever was committed."""
        return [number for group in self.groups for number in group]

    def __call__(self, group):
        """Commit a group."""
        self.may_end.wait(250)
        self.groups.append([member.work(None) for member in group])
        return [End(member, value, None) for member, value in zip(group, self.groups[-1], strict=True)]


async def test_those_who_write_again_at_once_are_written_together():
    """Tasks that were just told write again into one group, though the first of them is ready before the others."""
    commits = Commits()
    errands = Errands(commits)

    async def write(number: int) -> None:
        for again in range(5):
            value = 10 * number + again
            assert await errands.write(lambda connection, value=value: value, watched=False) == value
            assert value in commits.written

    writers = [asyncio.create_task(write(number)) for number in range(4)]
    await asyncio.sleep(0)  # all have written
    commits.may_end.set()
    await asyncio.gather(*writers)
    await errands.close(lambda: None)
    assert sorted(number for group in commits.groups for number in group) == [
        10 * i + n for i in range(4) for n in range(5)
    ]
    assert len(commits.groups) <= 6  # the first may have begun with fewer


async def test_what_waits_is_written_before_the_end():
    """Closing waits for what was asked for, also if whoever asked gave up, or nobody was told of the last group yet."""
    commits = Commits()
    errands = Errands(commits)
    writers = [
        asyncio.create_task(errands.write(lambda connection, number=number: number, watched=False))
        for number in range(3)
    ]
    await asyncio.sleep(0)
    writers[1].cancel()
    closing = asyncio.create_task(errands.close(lambda: commits.groups.append([-1])))
    await asyncio.sleep(0)
    commits.may_end.set()
    await closing
    assert (await writers[0], await writers[2]) == (0, 2)
    assert sorted(commits.written) == [-1, 0, 1, 2]
    assert commits.groups[-1] == [-1]
