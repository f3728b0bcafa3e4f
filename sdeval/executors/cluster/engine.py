"""An engine whose worker is an actor of a Ray cluster; where it ended, another one is started wherever there is room.

Ray itself restarts and repeats nothing: a call that ends its process would be made again and again. How often a sample
is tried is decided where it is for all engines (`evaluation.calls`), and an image that was asked for a second time has
another name: what a lost call left is never taken for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
import uuid
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sdeval._utils.files import write_bytes
from sdeval.config.target import Target
from sdeval.engines.subprocess_engine import LIMITS, CannotStart, Place, RemoteEngine
from sdeval.engines.worker_process import Limits, check_version, read_answer
from sdeval.engines.worker_protocol import Hello
from sdeval.errors import ProcessEnded, SdevalError
from sdeval.executors.cluster.actor import Actor, Answer
from sdeval.executors.cluster.connection import Cluster, why_ended
from sdeval.executors.cluster.exchange import EXCHANGE, open_exchange

if TYPE_CHECKING:
    from sdeval.stores.objects import Objects

T = TypeVar("T")
LOOK_SECONDS = 2.0
"""How often it is looked whether there is still room for an actor that does not start."""


class ClusterEngine(RemoteEngine):
    """Generates on a node of a cluster.

    Args:
        target: what generates.
        place: which of the workers it is.
        cluster: where there is room for it.

    Raises:
        SdevalError: no actor starts, or the target cannot be generated with there.
    """

    def __init__(self, target: Target, place: Place, cluster: Cluster) -> None:
        self._cluster = cluster
        super().__init__(target, Path(sys.executable), "executor", place=place)

    def _new_worker(self) -> ActorWorker:
        return ActorWorker(self._cluster, self._where, LIMITS)


class ActorWorker:
    """A worker that is an actor of Ray.

    Args:
        cluster: where it is started.
        where: how messages begin.
        limits: for starting.

    Raises:
        ProcessEnded: it ended before it could be asked.
        SdevalError: it does not start, has another version of sdeval, or sees no place where images can be exchanged.
    """

    running = 0
    """Actors of this process that run, or are being started."""

    def __init__(self, cluster: Cluster, where: str, limits: Limits) -> None:
        import ray

        self._cluster, self._where = cluster, where
        self._count = 0
        self._folder = Path()
        self._prefix = f"{EXCHANGE}/{uuid.uuid4().hex}"
        self.is_running = True
        started = ray.remote(Actor).options(
            **cluster.resources, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        ActorWorker.running += 1
        self._actor = started.remote(str(Path.cwd()))
        self.end = weakref.finalize(self, _end, self._actor)
        try:
            hello = Hello(**self._first_answer(limits.hello))
            check_version(hello, where, "pip install pytest-sdeval[ray]")
            self._objects = self._exchange(limits.hello)
        except BaseException:
            self.kill()
            raise

    def _first_answer(self, limit: float) -> dict[str, Any]:
        """What the actor says once it runs.

        Raises:
            CannotStart: there is no room for it.
        """
        import ray

        hello, latest = self._actor.hello.remote(), time.monotonic() + limit
        while not ray.wait([hello], timeout=LOOK_SECONDS)[0]:
            if ActorWorker.running > self._cluster.room:
                raise CannotStart(f"{self._where}: its node is gone, and the Ray cluster has no other room for it")
            if time.monotonic() > latest:
                raise CannotStart(f"{self._where}: the Ray cluster had no free room for it in {limit:g} seconds")
        return dict(self._get(hello, limit, "starting"))

    def _exchange(self, limit: float) -> Objects:
        """Where images are exchanged: the first place that both sides see.

        Raises:
            SdevalError: there is none.
        """
        question, reasons = f"{self._prefix}/question", []
        for place in self._cluster.exchange:
            objects, content = open_exchange(place), uuid.uuid4().hex.encode()
            objects.write(question, content)
            reason = self._get(
                self._actor.exchange_by.remote(place, question, self._prefix), limit, "looking for a shared folder"
            )
            try:
                if not reason and objects.read(f"{self._prefix}/answer") == content:
                    return objects
                reasons.append(str(reason))
            except SdevalError as error:
                reasons.append(str(error))
            finally:
                _discard(objects, question, f"{self._prefix}/answer")
        advice = "write sessions to a folder that all nodes see (--sdeval-output), or name a store: [tool.sdeval] store"
        places = " nor ".join(self._cluster.exchange)
        raise SdevalError(f"{self._where}: its node does not see {places} ({reasons[0]}); {advice}")

    def ask(self, request: Mapping[str, Any], kind: type[T], limit: float, doing: str) -> T:
        """Send a request, wait for its answer, and fetch its images; see `WorkerProcess`."""
        self._count += 1
        if "folder" in request:
            self._folder = Path(request["folder"])
        answer: Answer = self._get(self._actor.answer.remote(self._count, json.dumps(request)), limit, doing)
        text, digests = answer
        result = read_answer(text, self._count, kind, self._where)
        for name, digest in digests.items():
            self._fetch(name, digest)
        return result

    def _fetch(self, name: str, digest: str) -> None:
        """Take an image out of the exchange.

        Raises:
            SdevalError: it is not there, or is not what was written.
        """
        if digest.startswith("not written"):
            raise SdevalError(f"{self._where}: image {digest}")
        content = self._objects.read(f"{self._prefix}/{name}")
        if hashlib.sha256(content).hexdigest() != digest:
            raise SdevalError(f"{self._where}: {self._objects.place}: does not hold the image that was written there")
        write_bytes(self._folder / name, content)
        _discard(self._objects, f"{self._prefix}/{name}")

    def _get(self, reference: Any, limit: float, doing: str) -> Any:
        import ray
        from ray import exceptions

        try:
            return ray.get(reference, timeout=limit)
        except exceptions.GetTimeoutError:
            self.kill()
            raise SdevalError(
                f"{self._where}: was ended because it took more than {limit:g} seconds for {doing}"
            ) from None
        except exceptions.RayActorError as error:
            self.kill()
            if "No module named" in str(error):
                advice = "install it on every node: pip install pytest-sdeval[ray]"
                raise SdevalError(f"{self._where}: its node has no such version of sdeval; {advice}") from None
            raise ProcessEnded(f"{self._where}: {why_ended(error)} while {doing}") from None
        # The cluster itself is gone, or the answer is lost.
        except exceptions.RayError as error:
            self.kill()
            raise ProcessEnded(f"{self._where}: {type(error).__name__} while {doing}") from None
        # Also where the user interrupts: what answers late must not be taken for the answer to another request.
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self.is_running = False
        self.end()


def _discard(objects: Objects, *names: str) -> None:
    """Delete objects, some of which may not be there; where that fails, they are in the way of nothing."""
    for name in names:
        with contextlib.suppress(SdevalError):
            objects.delete([name])


def _end(actor: Any) -> None:
    import ray

    ActorWorker.running -= 1
    # It ended by itself, or the connection to the cluster did.
    with contextlib.suppress(Exception):
        ray.kill(actor, no_restart=True)
