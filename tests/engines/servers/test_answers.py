"""Whatever a server answers, an image or one line comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdeval import Case, SdevalError, Target
from sdeval._utils.http import Client
from sdeval.engines.servers.engine import ServerEngine
from sdeval.engines.servers.protocol import ImageRequest
from tests.engines.servers.comfy_fake import workflow, write

KEYS = (
    *("data", "b64_json", "url", "images", "id", "status", "result", "error", "prompt_id", "prompt-0", "outputs", "9"),
    *("messages", "filename", "system", "devices", "KSampler", "input", "required", "features_by_mode", "img_gen"),
    *("model", "owned_by", "version", "metrics", "stage_durations", "inference_time_s", "sd_model_checkpoint"),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(("", "tiny", "completed", "sglang"))
)
ANSWERS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
)
REQUEST = ImageRequest.of("text2img", Case(id="red", prompt="red"), 3, {})
SERVERS: dict[str, dict[str, Any]] = {
    "openai-images": {"dialect": "vllm-omni", "model": "tiny"},
    "comfyui": {},
    "a1111": {},
    "sdcpp": {},
}


@pytest.mark.parametrize("family", SERVERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(ANSWERS, min_size=1, max_size=6))
def test_any_json_ends_in_an_image_or_one_line(
    family: str, answers: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = iter(answers)

    def answer(*_: object) -> Any:
        return next(rest, {"status": "failed"})

    for name in ("get", "post", "post_form"):
        monkeypatch.setattr(Client, name, answer)
    monkeypatch.setattr(Client, "fetch", lambda *_: b"")
    server = {**SERVERS[family], **({"workflow": write(tmp_path, workflow())} if family == "comfyui" else {})}
    engine = ServerEngine(Target(name="mine", model=f"{family}:http://host", server=server, timeout=1.0))
    for question in (lambda: engine._answer(REQUEST), lambda: engine.environment):
        assert "\n" not in _refusal(question)


def _refusal(question: Callable[[], object]) -> str:
    """Why there is no answer; empty where there is one. Any other error is none that a user should see."""
    try:
        question()
    except SdevalError as error:
        return str(error)
    return ""
