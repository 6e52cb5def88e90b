"""How a triggerer's AWS clients share what they trust."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def shared_trust() -> Any:
    """Return an aiobotocore configuration with which all clients have one TLS context for each CA bundle.

    Otherwise each client reads the bundle anew when it makes its first call, and keeps 0.9 MB of certificates.
    Contexts with a client certificate, or for a proxy, are still the client's own.
    """
    from aiobotocore.config import AioConfig
    from aiobotocore.httpsession import AIOHTTPSession

    contexts: dict[bool | str, Any] = {}

    class TrustingSession(AIOHTTPSession):  # type: ignore[misc]
        """Makes a context only if there is none yet."""

        def _build_ssl_contexts(self, proxy_url: str | None) -> Any:
            if proxy_url or self._cert_file:
                return super()._build_ssl_contexts(proxy_url)
            if self._verify not in contexts:
                contexts[self._verify] = super()._build_ssl_contexts(proxy_url)
            return contexts[self._verify]

    return AioConfig(http_session_cls=TrustingSession)
