"""Objects on a real S3 API, over a connection that fails in every way that connections and buckets fail."""

from __future__ import annotations

import pytest

from sdeval._utils.parallel import in_threads
from sdeval.errors import NotAvailable, SdevalError
from sdeval.stores import remote
from sdeval.stores.failures import NoSuchObject, StoreFailed, WrongContent
from sdeval.stores.remote import ATTEMPTS, Remote
from tests.stores.s3 import Fault, Server

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def objects(s3: Server) -> Remote:
    return Remote("s3://images/store")


def test_what_is_written_is_read_and_listed(objects: Remote, s3: Server) -> None:
    objects.write("ab/first.png", CONTENT)
    objects.write("ab/second.png", b"2")
    objects.write("cd/third.png", b"3")
    assert objects.read("ab/first.png") == CONTENT
    listed = objects.list("ab")
    assert [(info.name, info.size) for info in listed] == [("ab/first.png", len(CONTENT)), ("ab/second.png", 1)]
    assert all(info.modified and info.modified.tzinfo for info in listed)
    assert set(s3.stored()) == {"store/ab/first.png", "store/ab/second.png", "store/cd/third.png"}


def test_reading_is_one_request(objects: Remote, s3: Server) -> None:
    objects.write("ab/first.png", CONTENT)
    s3.requests.clear()
    objects.read("ab/first.png")
    assert s3.requests == [("GET", "/images/store/ab/first.png")]


def test_what_is_deleted_is_gone(objects: Remote) -> None:
    for name in ("ab/first.png", "ab/second.png"):
        objects.write(name, CONTENT)
    objects.delete(["ab/first.png"])
    objects.delete([])
    assert [info.name for info in objects.list("ab")] == ["ab/second.png"]


def test_an_object_that_is_not_there_says_so(objects: Remote) -> None:
    with pytest.raises(NoSuchObject, match=r"^s3://images/store/ab/none.png: there is no such object$"):
        objects.read("ab/none.png")
    assert objects.list("ab") == []


def test_a_store_can_be_a_whole_bucket(s3: Server) -> None:
    objects = Remote("s3://images/")
    objects.write("ab/first.png", CONTENT)
    assert [info.name for info in objects.list("ab")] == ["ab/first.png"]
    assert set(s3.stored()) == {"ab/first.png"}


PASSING = [
    Fault("status", status=429, times=2),
    Fault("status", status=500, times=2),
    Fault("status", status=503, times=2),
    Fault("hang", times=1),
    Fault("truncated", "GET", times=1),
    Fault("aborted", "PUT", times=2),
    Fault("lost", "PUT", times=1),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_what_passes_by_itself_is_not_noticed(objects: Remote, s3: Server, fault: Fault) -> None:
    s3.faults.append(Fault(fault.kind, fault.method, fault.times, fault.status))
    objects.write("ab/first.png", CONTENT)
    s3.faults[:] = [Fault(fault.kind, fault.method, fault.times, fault.status)]
    assert objects.read("ab/first.png") == CONTENT
    assert s3.stored() == {"store/ab/first.png": CONTENT}


STAYING = [
    (Fault("status", status=403), "access is denied (403 Forbidden); see to the credentials and their rights"),
    (Fault("status", status=429), "the server answers 429 Too Many Requests"),
    (Fault("status", status=500), "the server answers 500 Internal Server Error"),
    (Fault("status", status=503), "the server answers 503 Service Unavailable"),
    pytest.param(Fault("hang"), "it cannot be reached (", marks=pytest.mark.slow),
    (Fault("aborted"), "it cannot be reached ("),
]


@pytest.mark.parametrize(("fault", "reason"), STAYING, ids=lambda value: getattr(value, "kind", None))
@pytest.mark.parametrize("verb", ["read", "written"])
def test_what_does_not_pass_is_one_line(objects: Remote, s3: Server, fault: Fault, reason: str, verb: str) -> None:
    objects.write("ab/first.png", CONTENT)
    s3.faults.append(Fault(fault.kind, "", status=fault.status))
    with pytest.raises(StoreFailed) as failure:
        objects.read("ab/first.png") if verb == "read" else objects.write("ab/first.png", CONTENT)
    assert str(failure.value).startswith(f"s3://images/store/ab/first.png: cannot be {verb}: {reason}")
    assert "\n" not in str(failure.value)


def test_a_refusal_is_not_repeated(objects: Remote, s3: Server) -> None:
    s3.faults.append(Fault("status", status=403))
    with pytest.raises(StoreFailed):
        objects.read("ab/first.png")
    assert len(s3.requests) == 1


def test_requests_are_repeated_a_few_times_only(objects: Remote, s3: Server) -> None:
    s3.faults.append(Fault("status", status=500))
    with pytest.raises(StoreFailed):
        objects.read("ab/first.png")
    assert len(s3.requests) == ATTEMPTS


def test_a_store_that_fails_is_given_up(objects: Remote, s3: Server) -> None:
    s3.faults.append(Fault("status", status=403))
    for _ in range(remote.MOST_FAILURES):
        with pytest.raises(StoreFailed, match=r"see to the credentials and their rights$"):
            objects.read("ab/first.png")
    s3.requests.clear()
    with pytest.raises(StoreFailed, match=r"403 Forbidden.*; nothing more is asked of this store$"):
        objects.read("ab/second.png")
    assert s3.requests == []


def test_objects_that_are_missing_do_not_make_a_store_fail(objects: Remote) -> None:
    objects.write("ab/first.png", CONTENT)
    for number in range(2 * remote.MOST_FAILURES):
        with pytest.raises(NoSuchObject):
            objects.read(f"ab/{number}.png")
    assert objects.read("ab/first.png") == CONTENT


def test_an_upload_that_is_lost_every_time_is_one_line(objects: Remote, s3: Server) -> None:
    s3.put("store/ab/first.png", b"another")
    s3.faults.append(Fault("lost", "PUT"))
    with pytest.raises(
        WrongContent, match=r"^s3://images/store/ab/first.png: the store does not hold what was uploaded"
    ):
        objects.write("ab/first.png", CONTENT)
    assert s3.stored() == {"store/ab/first.png": b"another"}


def test_a_bucket_that_is_not_there_is_one_line(s3: Server) -> None:
    objects = Remote("s3://elsewhere/store")
    for call in (lambda: objects.list("ab"), lambda: objects.write("ab/first.png", CONTENT)):
        with pytest.raises(StoreFailed, match=r"there is no such bucket or repository \(404 Not Found\); see to"):
            call()


def test_a_server_that_is_not_there_is_one_line(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreFailed, match=r"cannot be reached \(EndpointConnectionError: .*see to the network"):
        Remote("s3://images/store").read("ab/first.png")


def test_without_credentials_a_store_is_read_anonymously_and_not_written(
    objects: Remote, s3: Server, no_credentials: None
) -> None:
    s3.put("store/ab/first.png", CONTENT)
    anonymous = Remote("s3://images/store")
    assert anonymous.read("ab/first.png") == CONTENT
    assert [info.name for info in anonymous.list("ab")] == ["ab/first.png"]
    s3.requests.clear()
    with pytest.raises(StoreFailed, match=r"cannot be written: no credentials were found; see to those of this store$"):
        anonymous.write("ab/second.png", CONTENT)
    assert s3.requests == []


def test_any_scheme_of_fsspec_is_a_store() -> None:
    objects = Remote("memory://somewhere/images")
    objects.write("ab/first.png", CONTENT)
    assert objects.read("ab/first.png") == CONTENT
    assert [info.name for info in objects.list("ab")] == ["ab/first.png"]
    objects.delete(["ab/first.png"])
    assert objects.list("ab") == []
    with pytest.raises(NoSuchObject):
        objects.read("ab/first.png")


def test_a_scheme_that_nobody_knows_is_one_line() -> None:
    with pytest.raises(SdevalError) as failure:
        Remote("s4://images/store").read("ab/first.png")
    message = "[tool.sdeval] store = 's4://images/store': unknown scheme 's4'. Known: abfs, az, file, gs, hf, s3"
    assert str(failure.value) == message


def test_a_package_that_is_not_here_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(NotAvailable) as failure:
        Remote("gs://images/store").read("ab/first.png")
    advice = "needs a package that is not here; install it with: pip install 'pytest-sdeval[gs]'"
    assert str(failure.value) == f"[tool.sdeval] store = 'gs://images/store': {advice}"


def test_many_threads_find_out_together_that_there_are_no_credentials(s3: Server, no_credentials: None) -> None:
    names = [f"ab/{number}.png" for number in range(20)]
    for name in names:
        s3.put(f"store/{name}", CONTENT)
    assert in_threads(Remote("s3://images/store").read, names) == [CONTENT] * 20
