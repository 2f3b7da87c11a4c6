"""What holds for all tests."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Take the 15,000 tests themselves out of every garbage collection to come."""
    gc.collect()
    gc.freeze()
