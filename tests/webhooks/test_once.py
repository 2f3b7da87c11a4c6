"""The same notification a thousand times, at four processes of sixty-four threads: one effect.

The effects are counted in a file of the test's own, opened to append, and in Redis.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.support.redis_server import PASSWORD, redis_server

ROOT = Path(__file__).parents[2]
PROCESSES, THREADS, TIMES = 4, 64, 1000


def deliver(face: str, fails_first: bool, tmp_path: Path) -> tuple[list[str], int, list[int]]:
    """Return the effects, their count in Redis, and the answers' statuses."""
    effects = tmp_path / "effects"
    with redis_server() as port:
        address = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        arguments = [address, str(effects), face, str(int(fails_first)), str(THREADS),
                     str(TIMES // PROCESSES)]  # fmt: skip
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.webhooks.receiving", *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        answers = [int(word) for worker in workers for word in worker.communicate()[0].split()]
        with redis.Redis.from_url(address, decode_responses=True) as client:
            count = int(client.get("effects") or 0)
    return effects.read_text().splitlines(), count, answers


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("fails_first", [False, True], ids=["honest", "fails the first time"])
def test_the_effect_happens_once(face: str, fails_first: bool, tmp_path: Path) -> None:
    """One thousand deliveries at once, over and over, and exactly one success."""
    effects, count, answers = deliver(face, fails_first, tmp_path)
    assert count == 1
    assert effects.count("done") == 1
    assert effects.count("failed") == int(fails_first)
    assert len(answers) == TIMES
    assert set(answers) <= {200, 500}
    # Once it is done everybody is told so.
    assert answers[-1] == 200
