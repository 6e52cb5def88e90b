"""What moto knows, as a snapshot keeps it: objects, policies, users, roles, sessions and the rest."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from threading import Lock, RLock
from types import FunctionType
from typing import Any
from weakref import WeakValueDictionary

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.model_instances import reset_model_data
from moto.s3.models import s3_backends
from moto.utilities.docker_utilities import DockerModel

_LOCKS = {type(made()): made for made in (Lock, RLock)}


def clear() -> None:
    """Empty all of moto's backends."""
    BackendDict.reset()
    reset_model_data()


@dataclass(frozen=True)
class MotoState:
    """moto's state at one moment.

    :param content: all services' backends in one pickle: some of them refer to each other's.
    :param shared: what the pickle refers to by its place in this list, see :class:`_Pickler`.
    :param left_out: services that hold something that cannot be kept, such as a thread (a Batch job is
        one, also when it has ended) or an open file.
    """

    content: bytes
    shared: list[Any]
    left_out: list[str]

    @classmethod
    def take(cls) -> MotoState:
        """Copy the present state."""
        services = _services()
        try:
            return cls(*_pickle(services), [])
        except _NOT_PICKLED:
            left_out = [service for service in services if not _is_kept(service)]
            kept = [service for service in services if service not in left_out]
            return cls(*_pickle(kept), sorted(service.service_name for service in left_out))

    def put(self) -> None:
        """Put this state in the place of the present one.

        Services that were empty are empty afterwards; those that were left out stay as they are.
        """
        # Before anything is read: emptying S3 closes the files of every object that there is. Who does such a thing has
        # a reset of its own; the common one makes a backend's content anew, EC2's in most of a second.
        for service in _services():
            if service.service_name not in self.left_out:
                for _, _, backend in service.iter_backends():
                    if type(backend).reset is not BaseBackend.reset:
                        backend.reset()
                service.clear()
        reset_model_data()
        for service, backends in _Unpickler(io.BytesIO(self.content), self.shared).load():
            for account, region, backend in backends:
                service[account][region] = backend
        s3: Any = s3_backends
        s3.bucket_accounts = {
            bucket: (backend.partition, account)
            for account, _, backend in s3.iter_backends()
            for bucket in backend.buckets
        }


# RuntimeError: what nests too deep (RecursionError), or is changed meanwhile by a thread of moto's own.
_NOT_PICKLED = (TypeError, AttributeError, RuntimeError, pickle.PicklingError)


def _services() -> list[Any]:
    """Give each service's collection of backends; these are globals of moto's modules."""
    instances: Iterable[Any] = BackendDict._instances  # type: ignore[misc]  # generic, and moto fills it per class
    return list(instances)


def _is_kept(service: Any) -> bool:
    try:
        _pickle([service])
    except _NOT_PICKLED:
        return False
    return True


def _pickle(services: Iterable[Any]) -> tuple[bytes, list[Any]]:
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump([(service, list(service.iter_backends())) for service in services])
    return file.getvalue(), pickler.shared


class _Pickler(pickle.Pickler):
    """Keeps what pickle itself cannot, or not as it is.

    What never changes is shared with the present: keys and certificates of the crypto library (KMS, ACM, Cognito),
    functions without a closure (SSM, Lambda), the collections of backends. Locks (SQS) are made anew, and clients of
    Docker (Lambda) when they are needed. moto's own kinds of dict are copied as they are inside: what some show is
    less, as S3's with the versions of its objects.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.shared: list[Any] = []
        self._places: dict[int, int] = {}

    def persistent_id(self, thing: Any) -> int | None:
        kind: Any = type(thing)
        if not _is_shared(kind) or getattr(thing, "__closure__", None):
            return None
        place = self._places.setdefault(id(thing), len(self.shared))
        if place == len(self.shared):
            self.shared.append(thing)
        return place

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if kind in _LOCKS:
            return _LOCKS[kind], ()
        if kind is WeakValueDictionary:
            return kind, (), None, None, iter(thing.items())
        if isinstance(thing, DockerModel):
            return copyreg.__newobj__, (kind,), {**vars(thing), "_DockerModel__docker_client": None}  # type: ignore[attr-defined]
        if isinstance(thing, dict) and kind.__module__.startswith("moto."):
            factory = thing.default_factory if isinstance(thing, defaultdict) else None
            return kind.__new__, (kind,), (vars(thing), dict(dict.items(thing)), factory), None, None, _fill
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: list[Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, place: int) -> Any:
        return self._shared[place]


@cache
def _is_shared(kind: type) -> bool:
    is_of_crypto = kind.__module__.startswith("cryptography.hazmat.bindings.")
    return is_of_crypto or kind is FunctionType or issubclass(kind, BackendDict)


def _fill(made: dict[Any, Any], state: tuple[dict[str, Any], dict[Any, Any], Any]) -> None:
    attributes, content, factory = state
    vars(made).update(attributes)
    dict.update(made, content)
    if isinstance(made, defaultdict):
        made.default_factory = factory
