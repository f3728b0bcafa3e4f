from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import polygamma
from scipy.stats import f as scaled_f
from scipy.stats import t as student

from sdeval.stats import Prior, moderated_variances, p_among_cases, p_among_seeds


@pytest.fixture
def held(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 1, size=(24, 4))


@pytest.fixture
def before(held: np.ndarray) -> np.ndarray:
    return held[:, :2]


def beside_both(held: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """As cases are judged: by the others, and by their own seeds."""
    return np.maximum(p_among_cases(before, after), p_among_seeds(held, after))


def regenerated(before: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return before + rng.normal(0, 0.5, size=before.shape)


def test_a_case_whose_every_seed_falls_is_found(held: np.ndarray, before: np.ndarray, rng: np.random.Generator) -> None:
    after = regenerated(before, rng)
    after[7] -= 10
    p_values = beside_both(held, before, after)
    assert p_values.argmin() == 7
    assert p_values[7] < 1e-6
    assert np.delete(p_values, 7).min() > 0.02


def test_a_case_that_falls_while_no_other_moves_is_found(held: np.ndarray, before: np.ndarray) -> None:
    after = before.copy()
    after[7] -= 10
    p_values = beside_both(held, before, after)
    assert p_values[7] < 1e-6
    assert np.delete(p_values, 7).tolist() == [1.0] * 23


def test_a_fall_that_all_cases_share_accuses_none(
    held: np.ndarray, before: np.ndarray, rng: np.random.Generator
) -> None:
    assert beside_both(held, before, regenerated(before, rng) - 8).min() > 0.05


def test_one_bad_image_now_and_then_is_noise(held: np.ndarray, before: np.ndarray, rng: np.random.Generator) -> None:
    after = regenerated(before, rng)
    after[[2, 9, 15], [0, 1, 0]] -= 8
    assert beside_both(held, before, after).min() > 0.02


def test_a_fall_as_far_as_others_rise_is_noise(before: np.ndarray, rng: np.random.Generator) -> None:
    after = regenerated(before, rng)
    after[3] -= 8
    after[[5, 11]] += 8
    assert p_among_cases(before, after).min() > 1e-3


def test_several_cases_that_collapse_do_not_hide_each_other(
    held: np.ndarray, before: np.ndarray, rng: np.random.Generator
) -> None:
    after = regenerated(before, rng)
    after[[3, 7, 11, 15]] -= 10
    p_values = beside_both(held, before, after)
    assert p_values[[3, 7, 11, 15]].max() < 1e-6
    assert np.delete(p_values, [3, 7, 11, 15]).min() > 0.01


def test_a_case_is_held_against_half_of_the_others_where_most_of_them_fell(
    before: np.ndarray, rng: np.random.Generator
) -> None:
    after = regenerated(before, rng)
    after[:16] -= 8
    assert p_among_cases(before, after).min() > 1e-3


def test_without_other_cases_only_its_own_seeds_speak() -> None:
    held, after = np.array([[30.0, 31.0, 30.5]]), np.array([[10.0, 11.0]])
    assert p_among_cases(held[:, :2], after).tolist() == [0.0]
    assert 0 < beside_both(held, held[:, :2], after)[0] < 1e-3


def test_the_prior_speaks_for_cases_that_are_not_there() -> None:
    from scipy.stats import t

    before, after = np.array([[30.0, 30.0]]), np.array([[20.0, 22.0]])
    # It counts by the seed that fell least.
    expected = t.cdf(-8.0 / 2.0, 3)
    assert p_among_cases(before, after, Prior(4.0, 3.0)) == pytest.approx([expected])


def test_a_prior_asks_for_a_further_fall_where_the_others_hardly_move(
    before: np.ndarray, rng: np.random.Generator
) -> None:
    after = regenerated(before, rng)
    after[7] -= 3
    alone, moderated = p_among_cases(before, after)[7], p_among_cases(before, after, Prior(25.0, 4.0))[7]
    assert alone < moderated < 1


def test_a_prior_of_nothing_counts_the_others_alone(before: np.ndarray, rng: np.random.Generator) -> None:
    after = regenerated(before, rng)
    assert p_among_cases(before, after, Prior(1.0, 0.0)) == pytest.approx(p_among_cases(before, after))


def test_a_single_case_beside_its_own_seeds_is_students_test() -> None:
    from scipy.stats import t

    held, after = np.array([[30.0, 31.0, 29.5, 30.5]]), np.array([[5.0, 25.0]])
    expected = t.cdf((25.0 - held.mean()) / (held.std(ddof=1) * np.sqrt(1 / 4 + 1 / 2)), 3)
    assert p_among_seeds(held, after) == pytest.approx([expected])


def test_a_case_that_always_varies_is_judged_by_its_own_measure(rng: np.random.Generator) -> None:
    spread = np.where(np.arange(24) < 2, 10.0, 0.3)[:, None]
    held = 30 + rng.normal(0, 1, (24, 8)) * spread
    after = held[:, :2] - 6
    p_values = p_among_seeds(held, after)
    assert p_values[:2].min() > 0.01
    assert p_values[2:].max() < 1e-6


def test_seeds_that_never_vary_make_any_fall_certain() -> None:
    held, after = np.full((2, 3), 30.0), np.array([[20.0, 20.0], [30.0, 30.0]])
    assert p_among_seeds(held, after).tolist() == [0.0, 1.0]


def test_variances_that_differ_by_chance_alone_become_one(rng: np.random.Generator) -> None:
    values, freedom = moderated_variances(np.array([1.0, 1.1, 0.9, 1.05]), 3)
    assert values == pytest.approx([1.0125] * 4)
    assert freedom == 12


def test_the_weight_of_what_is_common_is_that_of_the_scaled_f_distribution() -> None:
    rng = np.random.default_rng(8)
    true = 4.0 * 6 / rng.chisquare(6, 4000)
    seen = true * rng.chisquare(3, 4000) / 3
    values, freedom = moderated_variances(seen, 3)
    assert freedom == pytest.approx(3 + 6, rel=0.15)
    assert values == pytest.approx((6 * 4.0 + 3 * seen) / 9, rel=0.15)


def test_moderated_variances_leave_t_tests_at_their_level() -> None:
    rng = np.random.default_rng(9)
    alarms = 0
    for _ in range(200):
        true = 4.0 * 4 / rng.chisquare(4, (100, 1))
        held, after = (rng.normal(0, np.sqrt(true), (100, seeds)) for seeds in (4, 1))
        alarms += int((p_among_seeds(held, after) < 0.01).sum())
    assert alarms / 20_000 == pytest.approx(0.01, abs=0.003)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12), st.integers(2, 8))
@example([0.0, 5e-324, 1.0], 2)
def test_moderated_variances_lie_between_their_own_and_the_common_one(variances: list[float], freedom: int) -> None:
    values, weight = moderated_variances(np.array(variances), freedom)
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert freedom <= weight <= max(freedom, freedom * len(variances)) + 1e-9
    assert (np.diff(values[np.argsort(variances)]) >= -1e-9 * max(variances)).all()


def among_cases_by_hand(before: np.ndarray, after: np.ndarray, prior: Prior | None) -> list[float]:
    """Case by case: its fall beside the rises of the others, which are half of all moves."""
    gains = after - before
    means = gains.mean(axis=1)
    centre = min(np.median(means), 0.0) if len(means) > 2 else 0.0
    p_values = []
    for row in range(len(means)):
        fall = gains[row].max() - centre
        rises = [means[other] - centre for other in range(len(means)) if other != row and means[other] > centre]
        squares, freedom = 2 * sum(rise**2 for rise in rises), float(len(means) - 1)
        if prior:
            squares, freedom = squares + prior.freedom * prior.variance, freedom + prior.freedom
        if fall >= 0:
            p_values.append(1.0)
        else:
            p_values.append(student.cdf(fall / np.sqrt(squares / freedom), freedom) if squares else 0.0)
    return p_values


@pytest.mark.parametrize("prior", [None, Prior(0.5, 3.0)])
@pytest.mark.parametrize(("cases", "seeds"), [(1, 2), (2, 2), (3, 1), (3, 3), (8, 2)])
@pytest.mark.parametrize("loss", [0.0, 0.8, 3.0])
def test_p_values_among_cases_are_those_by_hand(cases: int, seeds: int, loss: float, prior: Prior | None) -> None:
    for number in range(10):
        rng = np.random.default_rng((number, cases, seeds))
        before, after = rng.normal(30, 2, (cases, seeds)), rng.normal(30 - loss, 2, (cases, seeds))
        assert p_among_cases(before, after, prior) == pytest.approx(among_cases_by_hand(before, after, prior))


@pytest.mark.parametrize(("cases", "held", "seeds"), [(2, 3, 1), (6, 4, 2), (12, 8, 3)])
def test_p_values_among_seeds_are_students_with_moderated_variances(cases: int, held: int, seeds: int) -> None:
    for number in range(10):
        rng = np.random.default_rng((number, cases, held))
        scale = rng.lognormal(0, 1, (cases, 1))
        before, after = (rng.normal(shift, scale, (cases, count)) for shift, count in ((30, held), (28, seeds)))
        variances, freedom = moderated_variances(before.var(axis=1, ddof=1), held - 1)
        fall = after.max(axis=1) - before.mean(axis=1)
        expected = student.cdf(fall / np.sqrt(variances / held + variances / seeds), freedom)
        assert p_among_seeds(before, after) == pytest.approx(np.where(fall < 0, expected, 1.0))


def log_moments(freedom: int, prior: float) -> tuple[float, float]:
    """Mean and variance of the logarithm of an F distribution, by integration over its density."""
    distribution = scaled_f(freedom, prior)
    mean = distribution.expect(np.log)
    return mean, distribution.expect(lambda ratio: (np.log(ratio) - mean) ** 2)


@pytest.mark.parametrize("freedom", [2, 3, 7])
@pytest.mark.parametrize(("deviation", "count"), [(2.5, 5), (3.0, 20), (4.0, 8)])
def test_the_common_variance_is_that_of_the_f_distribution_whose_logarithm_varies_as_seen(
    freedom: int, deviation: float, count: int
) -> None:
    seen = np.exp(deviation * np.random.default_rng(count).permutation(np.linspace(-1, 1, count)))
    values, weight = moderated_variances(seen, freedom)
    prior = weight - freedom
    common = ((prior + freedom) * values - freedom * seen) / prior
    assert common == pytest.approx(np.full(count, common[0]))
    mean, variance = log_moments(freedom, prior)
    assert np.log(seen).mean() == pytest.approx(np.log(common[0]) + mean, abs=1e-4)
    assert np.log(seen).var(ddof=1) == pytest.approx(variance, rel=1e-4)


@pytest.mark.parametrize("zeros", [1, 2])
def test_a_variance_of_nothing_counts_as_a_hundred_thousandth_of_the_median(zeros: int) -> None:
    """As in limma, of which this is the method."""
    others = [2.0, 3.0, 3.0, 3.0, 4.0]
    (_, weight), (_, expected) = (moderated_variances(np.array([least] * zeros + others), 4) for least in (0.0, 3e-5))
    assert weight == expected < 4 * (5 + zeros)
    (_, smaller) = moderated_variances(np.array([1e-9] * zeros + others), 4)
    assert smaller == expected


@pytest.mark.parametrize("variances", [[], [5.0], [0.0, 0.0, 5.0]])
def test_where_there_is_no_common_variance_each_stands_for_itself(variances: list[float]) -> None:
    values, weight = moderated_variances(np.array(variances), 3)
    assert (values.tolist(), weight) == (variances, 3.0)


def test_two_variances_have_a_common_one() -> None:
    values, weight = moderated_variances(np.array([1.0, 3.0]), 4)
    assert values.tolist() == [2.0, 2.0]
    assert weight == 8.0


def test_what_is_common_never_weighs_more_than_all_variances_together() -> None:
    """They differ by hardly more than chance explains, so that nearly all of it is common."""
    chance = np.sqrt(float(polygamma(1, 2)))
    logs = np.linspace(-1, 1, 6)
    seen = np.exp(logs / logs.std(ddof=1) * chance * 1.001)
    values, weight = moderated_variances(seen, 4)
    assert weight == 24.0
    assert values == pytest.approx(np.full(6, values.mean()), rel=0.02)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(1, 2), (4, 3)])
@pytest.mark.parametrize("loss", [0.0, 1.0])
def test_scores_that_never_vary_raise_no_warnings(shape: tuple[int, int], loss: float) -> None:
    before = np.full(shape, 30.0)
    p_among_cases(before, before - loss)
    p_among_seeds(np.full((shape[0], 3), 30.0), before - loss)
