"""An answer, read to its end: no await is needed to look at it, sync or async."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, cast

from aiohttp import ClientResponse, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy

from wechatpay_chain.protocol import document, transformer

__all__ = ["REDACTED", "Opener", "Response", "SentRequest"]

REDACTED = "(redacted)"

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    JsonT = TypeVar("JsonT", default=Any)
    XmlT = TypeVar("XmlT", default=dict[str, Any])
else:
    # Before Python 3.13 there are no defaults, and none are needed at run time.
    from typing import TypeVar

    JsonT, XmlT = TypeVar("JsonT"), TypeVar("XmlT")


class Opener(Protocol):
    """What opens the encrypted fields of an answer."""

    def __call__(self, answer: Any) -> Any: ...


@dataclass(frozen=True, slots=True, repr=False)
class SentRequest:
    """The request that an answer is to, as it left, less its Authorization."""

    method: str
    url: str
    headers: CIMultiDictProxy[str]

    def __repr__(self) -> str:
        return f"<SentRequest {self.method} {self.url.partition('?')[0]}>"

    def __reduce__(self) -> Any:
        return _request, (self.method, self.url, list(self.headers.items()))


class Response(Generic[JsonT, XmlT]):
    """An answer of WeChat Pay.

    For type checkers it is generic in what `json` and `xml` return, which the
    generated stubs tell of each known operation.

    Attributes:
        status: the HTTP status.
        headers: the answer's headers, case-insensitive; a name may be there twice.
        body: the raw bytes, decompressed; empty if the answer went to a `sink`.
            Encrypted fields in it are as they came.
        verified: whether WeChat Pay's signature over the body holds. False for the
            few downloads that WeChat Pay does not sign, and for a refusal that was
            asked for with ``http_errors=False`` and bore no valid signature.
    """

    __slots__ = ("_opener", "_sent", "body", "headers", "status", "verified")

    def __init__(
        self,
        status: int,
        headers: CIMultiDictProxy[str],
        body: bytes,
        *,
        verified: bool,
        sent: RequestInfo | SentRequest,
        opener: Opener | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.verified = verified
        self._sent = sent
        self._opener = opener

    @classmethod
    def of(
        cls,
        answer: ClientResponse,
        body: bytes,
        *,
        verified: bool,
        opener: Opener | None = None,
    ) -> Self:
        """Return aiohttp's answer as one of ours."""
        return cls(
            answer.status,
            answer.headers,
            body,
            verified=verified,
            sent=answer.request_info,
            opener=opener,
        )

    @property
    def request(self) -> SentRequest:
        """The request that left, less its Authorization."""
        if isinstance(self._sent, SentRequest):
            return self._sent
        return _request(self._sent.method, str(self._sent.url), list(self._sent.headers.items()))

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 shows as U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @property
    def request_id(self) -> str:
        """WeChat Pay's number of the request, which its support asks for, or nothing."""
        return self.headers.get("Request-ID", "")

    def json(self, *, decrypt: bool = True) -> JsonT:
        """Return the body's JSON value, strictly read, its encrypted fields (敏感信息) opened.

        With ``decrypt=False`` they are as they came, and so they are once the
        response was pickled: the key does not go along.

        Raises:
            DecodeError: it is no JSON, or JSON that could be read in two ways.
            DecryptError: a field cannot be opened; it says which.
        """
        value = document.loads(self.body)
        opened = self._opener(value) if decrypt and self._opener is not None else value
        return cast("JsonT", opened)

    def xml(self, *, decrypt: bool = True) -> XmlT:
        """Return the children of the body's XML root as a dictionary, encrypted ones opened.

        Raises:
            DecodeError: it is no XML, too deep or large, or has a document type.
            DecryptError: a field cannot be opened; it says which.
        """
        fields = transformer.to_array(self.body)
        if decrypt and self._opener is not None:
            fields = dict(self._opener(fields))
        return cast("XmlT", fields)

    def __repr__(self) -> str:
        trust = "verified" if self.verified else "unverified"
        return f"<Response {self.status} {trust}, {len(self.body)} bytes>"

    def __copy__(self) -> Self:
        return self._copied()

    def __deepcopy__(self, memo: object) -> Self:
        return self._copied()

    def _copied(self) -> Self:
        # Unlike a pickle, a copy can open what the original opens.
        return type(self)(
            self.status,
            self.headers,
            self.body,
            verified=self.verified,
            sent=self._sent,
            opener=self._opener,
        )

    def __reduce__(self) -> Any:
        headers = list(self.headers.items())
        return _response, (self.status, headers, self.body, self.verified, self.request)


def _request(method: str, url: str, headers: list[tuple[str, str]]) -> SentRequest:
    kept = CIMultiDict(headers)
    if "Authorization" in kept:
        kept["Authorization"] = REDACTED
    return SentRequest(method, url, CIMultiDictProxy(kept))


def _response(
    status: int,
    headers: list[tuple[str, str]],
    body: bytes,
    verified: bool,
    request: SentRequest,
) -> Response:
    proxy = CIMultiDictProxy(CIMultiDict(headers))
    return Response(status, proxy, body, verified=verified, sent=request)
