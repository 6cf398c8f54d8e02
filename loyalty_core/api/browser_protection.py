"""What protects the app from other pages in the same browser: allowed hosts, same-origin changes, and headers.

A page of another site can make a browser send requests here, with the cookies of this site. It can also have its own
name resolve to this address (DNS rebinding), put this app into a frame, or load its files. Programs other than browsers
send none of the headers by which such requests are recognised, and are not affected.
"""

import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# No route changes anything for these.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_READ_HEADERS = frozenset({b"host", b"origin", b"sec-fetch-site"})
_DEFAULT_PORTS = (":80", ":443")
_Header = tuple[bytes, bytes]
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class BrowserProtection:
    """Refuses requests for other hosts and changes from other origins; adds security headers to every response.

    `hosts` are names, `*.name` for all below one, or `*` for any. `policies` are content security policies by the start
    of the path, "" for all others. The responses of the API, at `api_path`, are no pages and need nothing. Requests for
    paths below `open_paths` carry their authority in the address, so they may come from any origin.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Iterable[str],
        policies: Mapping[str, str],
        api_path: str,
        open_paths: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._is_allowed = _host_check(hosts)
        self._open_paths = tuple(open_paths)
        longest_first = sorted({**policies, f"{api_path}/": _API_POLICY}.items(), key=lambda each: -len(each[0]))
        self._headers = [(path, _headers(policy)) for path, policy in longest_first]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal:
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        ours = self._headers_for(scope["path"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _merged(message.get("headers", ()), ours)
            await send(message)

        if refusal:
            await refusal.send(send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _headers_for(self, path: str) -> Mapping[bytes, _Header]:
        return next(headers for start, headers in self._headers if path.startswith(start))

    def _refusal(self, scope: Scope) -> "_Refusal | None":
        headers = {name: value for name, value in scope["headers"] if name in _READ_HEADERS}
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._is_allowed(host):
            detail = f"The app does not answer for the host {host[:100]!r}. If it is yours, add it to ALLOWED_HOSTS."
            return _Refusal(421, "host_not_allowed", detail)
        if scope["path"].startswith(self._open_paths):
            return None
        is_change = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if is_change and _is_from_another_origin(headers, host):
            detail = (
                "A page of another origin may not change anything here. "
                "If the page is the app's own, let the proxy pass on the Host header unchanged."
            )
            return _Refusal(403, "cross_origin", detail)
        return None


def _host_check(hosts: Iterable[str]) -> Callable[[str], bool]:
    """Whether a Host header is one of `hosts`, or needs no check.

    Loopback names and addresses need none: for DNS rebinding, a page must have been loaded from a name of its own.
    """
    names = {host.lower().rstrip(".") for host in hosts}
    suffixes = tuple(name[1:] for name in names if name.startswith("*."))

    @lru_cache(maxsize=1000)
    def is_allowed(header: str) -> bool:
        name = _host_name(header)
        if name is None:
            return False
        return (
            name in names
            or "*" in names
            or name == "localhost"
            or name.endswith((".localhost", *suffixes))
            or _is_address(name)
        )

    return is_allowed


def _host_name(header: str) -> str | None:
    """The name in a Host header, without port and brackets; None when it cannot be one."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port  # raises when it is not a number
    except ValueError:
        return None
    if parts.netloc != header or "@" in header or not parts.hostname:
        return None
    return parts.hostname.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_from_another_origin(headers: Mapping[bytes, bytes], host: str) -> bool:
    """As Go's CrossOriginProtection decides it.

    Browsers of today say whether a request is from the same origin. Older ones name the origin, whose scheme is not
    compared, since a proxy may end TLS. A request with neither is not from a browser.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in {b"same-origin", b"none"}
    origin = headers.get(b"origin")
    if origin is None:
        return False
    scheme, _, authority = origin.decode("latin-1").partition("://")
    return scheme not in {"http", "https"} or _without_default_port(authority) != _without_default_port(host)


def _without_default_port(authority: str) -> str:
    for port in _DEFAULT_PORTS:
        authority = authority.removesuffix(port)
    return authority.lower()


def _headers(policy: str) -> dict[bytes, _Header]:
    named = _HEADERS | {"Content-Security-Policy": policy}
    return {name.lower().encode(): (name.lower().encode(), value.encode()) for name, value in named.items()}


def _merged(sent: Iterable[_Header], ours: Mapping[bytes, _Header]) -> list[_Header]:
    """The headers of a response with ours beside them; one that a route has set itself stays."""
    headers = list(sent)
    present = {name.lower() for name, _ in headers}
    headers += [header for name, header in ours.items() if name not in present]
    return headers


@dataclass(frozen=True)
class _Refusal:
    status: int
    code: str
    detail: str

    async def send(self, send: Send) -> None:
        body = json.dumps({"error": self.code, "detail": self.detail}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
