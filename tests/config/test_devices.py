"""What `--sdeval-devices` may say, and which entries of `CUDA_VISIBLE_DEVICES` that chooses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sdeval.config.devices import Devices, chosen_entries, parse_devices, share_of_worker, visible_entries
from sdeval.errors import SdevalError

MIG = "MIG-3f1a-22"


@pytest.mark.parametrize(
    ("text", "devices"),
    [
        ("auto", Devices("auto")),
        (" all ", Devices("all")),
        ("0,2", Devices("listed", ("0", "2"))),
        (f"GPU-5a1e,{MIG}", Devices("listed", ("GPU-5a1e", MIG))),
        ("cpu:2", Devices("cpu", processes=2)),
    ],
)
def test_what_is_allowed(text: str, devices: Devices) -> None:
    assert parse_devices(text) == devices


@pytest.mark.parametrize("text", ["", "cpu", "cpu:0", "cuda:1", "0,,1", "-1", "0;1", "everything"])
def test_what_is_not_allowed_is_named(text: str) -> None:
    with pytest.raises(SdevalError, match=r"devices: must be auto, all, places .* cpu:N, or with Ray .*, got "):
        parse_devices(text)


def test_a_device_is_named_once() -> None:
    with pytest.raises(SdevalError, match="a device is named twice in '0,0'"):
        parse_devices("0,0")


@pytest.mark.parametrize(
    ("listed", "count", "entries"),
    [
        (None, 2, ("0", "1")),
        ("3, 5", 2, ("3", "5")),
        (f"GPU-5a1e,{MIG}", 2, ("GPU-5a1e", MIG)),
        # The driver stops at the first entry that is none.
        ("2,-1,0", 1, ("2",)),
        ("", 0, ()),
        (None, 0, ()),
    ],
)
def test_entries_are_those_of_the_caller(listed: str | None, count: int, entries: tuple[str, ...]) -> None:
    environment = {} if listed is None else {"CUDA_VISIBLE_DEVICES": listed}
    assert visible_entries(count, environment) == entries


def test_numbers_are_places_in_the_list_of_the_caller() -> None:
    assert chosen_entries(parse_devices("1,0"), ("5", MIG)) == (MIG, "5")
    assert chosen_entries(parse_devices(MIG), ("5", MIG)) == (MIG,)
    assert chosen_entries(parse_devices("all"), ("5", MIG)) == ("5", MIG)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(SdevalError, match="devices: 5 is not among the visible devices, 5, 7; their places are 0 to 1"):
        chosen_entries(parse_devices("5"), ("5", "7"))


@pytest.mark.parametrize("text", ["all", "0"])
def test_without_a_gpu_none_can_be_asked_for(text: str) -> None:
    with pytest.raises(SdevalError, match="has no GPU that CUDA can use"):
        chosen_entries(parse_devices(text), ())


@given(count=some.integers(1, 9), workers=some.integers(1, 9))
def test_workers_share_all_devices_and_none_goes_without(count: int, workers: int) -> None:
    entries = tuple(f"GPU-{number}" for number in range(count))
    shares = [share_of_worker(entries, worker, workers) for worker in range(workers)]
    assert all(shares)
    assert {entry for share in shares for entry in share} == set(entries)
    if workers <= count:
        assert sum(map(len, shares)) == count
