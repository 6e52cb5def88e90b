"""A client of the emulator that is nothing but HTTP, for tests of ten thousand calls. It neither retries nor checks."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

EXPORTS, CALCULATOR = "bcm-data-exports", "bcm-pricing-calculator"
_TARGETS = {EXPORTS: ("AWSBillingAndCostManagementDataExports", "1.1"), CALCULATOR: ("AWSBCMPricingCalculator", "1.0")}
_S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Lost(Exception):  # noqa: N818 - what a client knows: no answer came, be the request carried out or not
    """The connection ended without an answer."""


@dataclass(frozen=True)
class Answer:
    """What came back: the HTTP status and the body."""

    status: int
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def error(self) -> str | None:
        """The code of the error, ``None`` if there is none."""
        return None if self.status < 400 else str(self.json["__type"])


class Raw:
    """One account's connection, which is opened again when it was lost. For one thread."""

    def __init__(self, url: str, account: str) -> None:
        self.account = account
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def exports(self, operation: str, **params: Any) -> Answer:
        """Call Data Exports."""
        return self._call(EXPORTS, operation, params)

    def calculator(self, operation: str, **params: Any) -> Answer:
        """Call the Pricing Calculator."""
        return self._call(CALCULATOR, operation, params)

    def sts(self, operation: str) -> Answer:
        """Call STS; the answer is XML."""
        form = urlencode({"Action": operation, "Version": "2011-06-15"})
        return self.send("POST", "/", form.encode(), "sts", {"Content-Type": "application/x-www-form-urlencoded"})

    def control(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Call the control API, e.g. ``control("GET", "charges")``."""
        return self.send(method, f"/_emulator/{path}", json.dumps(body).encode()).json

    def pages(self, service: str, operation: str, items: str, size: int, **params: Any) -> list[dict[str, Any]]:
        """Everything that a list has, taken in pages of ``size``."""
        most, token = ("MaxResults", "NextToken") if service == EXPORTS else ("maxResults", "nextToken")
        found: list[dict[str, Any]] = []
        params[most] = size
        while True:
            answer = self._call(service, operation, params)
            assert answer.error is None, answer.body
            page = answer.json
            assert len(page[items]) <= size
            found += page[items]
            if token not in page:
                return found
            assert page[items], "an empty page in the middle of a list"
            params[token] = page[token]

    def objects(self, bucket: str) -> dict[str, tuple[int, str]]:
        """Size and ETag of every object of a bucket, by key."""
        found, query = {}, {"list-type": "2"}
        while True:
            answer = self.send("GET", f"/{bucket}?{urlencode(query)}", service="s3")
            assert answer.status == 200, answer.body
            page = ElementTree.fromstring(answer.body)
            for entry in page.iter(f"{_S3}Contents"):
                found[_text(entry, "Key")] = int(_text(entry, "Size")), _text(entry, "ETag")
            if _text(page, "IsTruncated") != "true":
                return found
            query["continuation-token"] = _text(page, "NextContinuationToken")

    def send(
        self, method: str, path: str, body: bytes = b"", service: str = "s3", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request that says whose it is, and take its answer.

        :raises Lost: if none came.
        """
        credential = f"AKIADEMO{self.account}/20261120/us-east-1/{service}/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=x"
        try:
            self._connection.request(method, path, body, {"Authorization": signed, **(headers or {})})
            answer = self._connection.getresponse()
            return Answer(answer.status, answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Lost(f"{method} {path} {headers}: {error!r}") from None

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _call(self, service: str, operation: str, params: dict[str, Any]) -> Answer:
        prefix, version = _TARGETS[service]
        headers = {"X-Amz-Target": f"{prefix}.{operation}", "Content-Type": f"application/x-amz-json-{version}"}
        return self.send("POST", "/", json.dumps(params).encode(), service, headers)


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{_S3}{name}") or ""
