"""Yes-or-no questions about images, asked of an endpoint that also misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from PIL import Image

from sdeval import Case, NotAvailable, SdevalError
from sdeval.errors import CallFailed
from sdeval.evaluation.scoring.attempts import NoValue, attempt_each
from sdeval.metrics import GeneratedImage, MetricOptions, ReadingMetric, create
from sdeval.metrics.checklist import Checklist
from tests.metrics.vision_fake import VisionFake, serving

KEY = "sk-secret-4711"
Serve = Callable[[VisionFake], VisionFake]


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdeval._utils.http.WAITS", (0.0, 0.0))
    monkeypatch.setattr("sdeval.metrics.features.vision_endpoint.WAITS", (0.0, 0.0))


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda fake: stack.enter_context(serving(fake))


def checklist(fake: VisionFake, **options: object) -> Checklist:
    metric = create("checklist", MetricOptions(checklist_url=fake.url, checklist_model="judge-7b", **options))
    assert isinstance(metric, Checklist)
    assert isinstance(metric, ReadingMetric)
    return metric


def shown(color: str, *questions: str, prompt: str = "a red wall") -> GeneratedImage:
    return GeneratedImage(Image.new("RGB", (16, 16), color), Case(id="a", prompt=prompt, questions=questions))


def test_a_score_is_the_mean_chance_of_a_yes(serve: Serve) -> None:
    metric = checklist(serve(VisionFake()))
    images = [shown("#ff0000", "Is it red?"), shown("#ff0000", "Is it red?", "Is it blue?")]
    assert metric.score(images) == [pytest.approx(99, abs=0.1), pytest.approx(50, abs=0.1)]
    assert metric.readings(images)[1] == "Is it red? 0.99; Is it blue? 0.01"


def test_a_case_without_questions_is_asked_for_its_prompt(serve: Serve) -> None:
    fake = serve(VisionFake())
    assert checklist(fake).score([shown("#ff0000"), shown("#0000ff")]) == [
        pytest.approx(99, abs=0.1),
        pytest.approx(1, abs=0.1),
    ]
    (body, _) = fake.requests
    assert body["messages"][0]["content"][1]["text"] == 'Does this figure show "a red wall"? Please answer yes or no.'
    assert (body["temperature"], body["max_tokens"], body["logprobs"], body["model"]) == (0, 1, True, "judge-7b")


def test_nothing_is_asked_twice_and_calls_are_counted(serve: Serve) -> None:
    fake = serve(VisionFake())
    metric = checklist(fake)
    assert metric.note == ""
    metric.score([shown("#ff0000", "Is it red?"), shown("#ff0000", "Is it red?"), shown("#00ff00", "Is it red?")])
    metric.readings([shown("#ff0000", "Is it red?")])
    assert len(fake.requests) == metric.calls == 2
    assert metric.note.startswith("checklist asked judge-7b 2 questions")


def test_the_version_names_model_and_wording_not_the_place(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = [checklist(serve(VisionFake())).version for _ in range(2)]
    assert versions[0] == versions[1]
    assert versions[0].startswith("1 judge-7b prompt ")
    monkeypatch.setattr("sdeval.metrics.checklist.INSTRUCTION", "{question} Say yes or no.")
    assert checklist(serve(VisionFake())).version != versions[0]


@pytest.mark.parametrize("fault", ["429", "500", "503"])
def test_a_passing_fault_is_waited_for(serve: Serve, fault: str) -> None:
    fake = serve(VisionFake(fault, times=2))
    assert checklist(fake).score([shown("#ff0000", "Is it red?")]) == [pytest.approx(99, abs=0.1)]
    assert len(fake.requests) == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("429", "answered 429 Too Many Requests: no, "),
        ("500", "answered 500 Internal Server Error: no, "),
        ("401", "answered 401 Unauthorized: no, "),
        ("garbage", "answered what is no JSON: <html>"),
        ("no logprobs", "answered without log probabilities"),
        ("slow", "took longer than the timeout of 0.3 seconds"),
    ],
)
def test_a_lasting_fault_is_the_reason_and_never_a_score(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    fake = serve(VisionFake(fault))
    metric = checklist(fake, checklist_key="JUDGE_KEY", checklist_timeout=0.3 if fault == "slow" else 60.0)
    with pytest.raises(CallFailed, match=reason) as raised:
        metric.score([shown("#ff0000", "Is it red?")])
    assert KEY not in str(raised.value)
    assert fake.keys[0] == f"Bearer {KEY}"


def test_an_answer_that_is_neither_is_no_score(serve: Serve) -> None:
    with pytest.raises(ValueError, match=r"the answer is neither yes nor no: \['Maybe'\]"):
        checklist(serve(VisionFake("neither"))).score([shown("#ff0000", "Is it red?")])


def test_one_image_that_fails_takes_no_other_with_it_and_costs_no_call_twice(serve: Serve) -> None:
    fake = serve(VisionFake("garbage", times=1))
    metric = checklist(fake)
    images = [shown("#00ff00", "Is it red?"), shown("#ff0000", "Is it red?")]
    # The first one fails together with the second; tried alone, both have answers.
    assert not any(isinstance(value, NoValue) for value in attempt_each(metric.score, images, "scores"))
    assert len(fake.requests) == 3


def test_a_key_that_is_not_set_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    options = MetricOptions(checklist_url="http://localhost/v1", checklist_model="a", checklist_key="JUDGE_KEY")
    with pytest.raises(NotAvailable, match="the environment variable JUDGE_KEY is not set"):
        create("checklist", options)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "checklist_model: is missing: the model that answers"),
        ({"checklist_url": "localhost:1", "checklist_model": "a"}, "checklist_url: must be http://HOST:PORT/v1, got"),
        ({"checklist_url": "http://a:b@c/v1", "checklist_model": "a"}, "checklist_url: has a password in it"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_generated(options: dict[str, str], reason: str) -> None:
    with pytest.raises(SdevalError, match=reason):
        create("checklist", MetricOptions(**options))


def test_a_model_that_is_not_here_is_named_with_the_command() -> None:
    with pytest.raises(NotAvailable, match="get it with: hf download org/judge; or name an endpoint"):
        create("checklist", MetricOptions(checklist_model="org/judge"))
