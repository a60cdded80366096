"""The handshake of a WebSocket, before it is accepted: is it one, may it be, does its key hold."""

from headworks.edge.gate import Gate
from headworks.edge.head import Head, has_token
from headworks.edge.ws_session import Opening, opening_of
from headworks.errors import Draining, Forbidden, Malformed, NotFound
from headworks.values import Reply


def is_websocket(head: Head) -> bool:
    """Whether this request asks to become a WebSocket; any other upgrade is not answered to, as RFC 9110 allows."""
    asks = has_token(head.headers.get("upgrade"), "websocket") and has_token(head.headers.get("connection"), "upgrade")
    return asks and not head.is_old


def check_opening(head: Head, gate: Gate) -> Opening:
    """What a handshake asks for, once its path, query and Origin are allowed.

    Raises: NotFound, Malformed, Forbidden, Draining.
    """
    if gate.is_draining:
        raise Draining(retry_after_s=1)
    opening = opening_of(head.path, head.headers, head.peer, is_secure=head.is_secure)
    if opening is None:
        raise NotFound("A WebSocket is at /api/{endpoint}/v{n}/ws")
    if head.query:
        raise Malformed("A WebSocket's URL takes no query; send the key as a header or in the first message")
    origin = head.headers.get("origin")
    if origin is not None and "*" not in gate.origins and origin not in gate.origins:
        raise Forbidden("Pages of this Origin may not open a WebSocket here")
    return opening


def precheck_opening(head: Head, opening: Opening, gate: Gate) -> Reply | None:
    """The refusal of a key presented in the handshake; None when it holds, or will come in the first message."""
    if "authorization" not in head.headers and "x-api-key" not in head.headers:
        return None
    path = f"/api/{opening.endpoint}/v{opening.version}"
    return gate.app.precheck(Head("POST", path, "", head.headers, peer=head.peer, is_secure=head.is_secure))
