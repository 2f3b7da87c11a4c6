"""The errors themselves: each can be copied and sent to another process."""

from __future__ import annotations

import copy
import pickle

import pytest

from wechatpay_chain import errors
from wechatpay_chain.errors import CheckError, RateLimitError, WechatPayError

KINDS = [
    getattr(errors, name)
    for name in errors.__all__
    if isinstance(getattr(errors, name), type) and issubclass(getattr(errors, name), WechatPayError)
]
MADE = {CheckError: ("POST v3/x", ("json.a is required",))}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_survives_a_pickle_and_a_copy(kind: type[WechatPayError]) -> None:
    """A worker's error reaches its parent with its message, its type and its attributes."""
    error = kind(*MADE.get(kind, ("said",)))
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is kind
        assert str(other) == str(error)
        assert vars(other) == vars(error)


def test_a_rate_limits_facts_go_along() -> None:
    """What a program decides by is there on the other side."""
    error = RateLimitError("m", operation="POST v3/x", calls=2, seconds=60.0, retry_after=1.5)
    other = pickle.loads(pickle.dumps(error))
    assert (other.operation, other.calls, other.seconds, other.retry_after) == (
        "POST v3/x", 2, 60.0, 1.5,
    )  # fmt: skip
