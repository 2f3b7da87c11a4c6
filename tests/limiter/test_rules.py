"""Which limits a call falls under."""

from __future__ import annotations

from typing import Any

import pytest

from wechatpay_chain import ConfigurationError, RateLimiter
from wechatpay_chain.catalogue import Operation, RateLimit
from wechatpay_chain.limiter.rules import Rules

NATIVE = "v3/pay/transactions/native"
QUERY = "v3/pay/transactions/id/{transaction_id}"


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("200/minute", [(200, 60)]),
        ("200 per minute", [(200, 60)]),
        ("10/5 seconds", [(10, 5)]),
        ("10 per 5 seconds", [(10, 5)]),
        (" 3/hour ", [(3, 3600)]),
        ("1/2 days", [(1, 172800)]),
        ((200, 60), [(200, 60)]),
        ((1, 0.25), [(1, 0.25)]),
        (["20/second", (600, 60)], [(20, 1), (600, 60)]),
    ],
)
def test_a_rate_is_read(stated: Any, meant: list[tuple[int, float]]) -> None:
    """Each form of a rate means so many calls in so many seconds."""
    found = Rules({"*": stated}, None).applying("GET", "v3/x")
    assert [(limit.calls, limit.seconds) for limit in found] == meant


@pytest.mark.parametrize(
    "stated",
    ["", "200", "minute", "200/fortnight", "0/minute", "-1/minute", "1/0 seconds", "٣/minute",
     "2.5/second", 200, None, True, (200,), (0, 60), (1, 0), (1, -1), (True, 60), (1, True),
     (1.5, 60), (1, float("inf")), (1, float("nan")), ("1", 60), ["200"], {"calls": 1}],
)  # fmt: skip
def test_what_is_no_rate_is_refused(stated: Any) -> None:
    """A rate that cannot be understood is named, with what would be one."""
    with pytest.raises(ConfigurationError, match=r"limits\['v3/refund'\] must be a rate such as"):
        RateLimiter(limits={"v3/refund": stated})


@pytest.mark.parametrize("scope", ["", "  ", "FETCH v3/x", "GET", "GET v3/x v3/y", "/", None, 5])
def test_what_is_no_scope_is_refused(scope: Any) -> None:
    """A name that is neither an operation, a path nor everything is refused."""
    with pytest.raises(ConfigurationError, match="name an operation such as"):
        RateLimiter(limits={scope: "1/second"})


@pytest.mark.parametrize(
    ("scope", "method", "path", "fits"),
    [
        ("*", "GET", "v3/x", True),
        ("*", "POST", "v2/pay/unifiedorder", True),
        ("POST *", "POST", "v3/x", True),
        ("POST *", "GET", "v3/x", False),
        (f"POST {NATIVE}", "POST", NATIVE, True),
        (f"post /{NATIVE}", "POST", f"/{NATIVE}/", True),
        (f"POST {NATIVE}", "POST", f"proxied/{NATIVE}", True),
        (f"POST {NATIVE}", "GET", NATIVE, False),
        (f"POST {NATIVE}", "POST", f"{NATIVE}/more", False),
        (f"POST {NATIVE}", "POST", "v3/pay/transactions", False),
        (f"GET {QUERY}", "GET", QUERY, True),
        (f"GET {QUERY}", "GET", "/v3/pay/transactions/id/1217752501201407033233368018", True),
        (f"GET {QUERY}", "GET", "v3/pay/transactions/id/{other}", True),
        ("v3/pay", "POST", NATIVE, True),
        ("v3/pay", "GET", "v3/pay", True),
        ("v3/pay", "GET", "v3/payscore/x", False),
        ("v3/pay/{kind}/id", "GET", QUERY, True),
        ("v3", "GET", "v2/pay/orderquery", False),
        ("v2", "POST", "v2/pay/unifiedorder", True),
    ],
)
def test_a_limit_counts_what_it_names(scope: str, method: str, path: str, fits: bool) -> None:
    """A limit is for an operation, whatever its values, for all below a path, or for all."""
    assert bool(Rules({scope: "1/second"}, None).applying(method, path)) is fits


def test_all_that_apply_are_found() -> None:
    """An operation's documented limit and each stated one apply together."""

    def documented(method: str, path: str) -> Operation | None:
        if not path.endswith("native"):
            return None
        return Operation(method, NATIVE, "Native下单", rate_limit=RateLimit(200, 60))

    rules = Rules({"*": "600/minute", f"POST {NATIVE}": "5/second"}, documented)
    found = [(limit.scope, limit.calls) for limit in rules.applying("POST", f"/{NATIVE}")]
    assert found == [("*", 600), (f"POST {NATIVE}", 5), (f"POST {NATIVE}", 200)]
    assert len(rules.applying("GET", QUERY)) == 1


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"on_limit": "drop"}, "on_limit must be"),
        ({"on_limit": "refuse", "longest_wait": 1}, "never waits"),
        ({"longest_wait": -1}, "longest_wait must be"),
        ({"margin": "1"}, "margin must be"),
        ({"limits": ["200/minute"]}, "limits must be a mapping"),
        ({"storage": "http://10.0.0.1"}, "storage must be None, an address"),
        ({"storage": 5}, "storage must be None, an address"),
        ({"storage": "redis://h:99999999/x"}, "storage must be None, an address"),
        ({"storage": "redis://h?no_such_option=1"}, "storage must be None, an address"),
        ({"limits": {"*": (1, 1e308)}}, "must be a rate"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], told: str) -> None:
    """A setting that means nothing is refused at once, and says which."""
    with pytest.raises(ConfigurationError, match=told):
        RateLimiter(**settings)
