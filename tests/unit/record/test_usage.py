"""The tokens of a run and what they cost."""

from __future__ import annotations

import pytest

from runcast.errors import InvalidInput
from runcast.record.prices import ModelPrice, prices_of
from runcast.record.usage import Usage

PRICES = (
    '{"big": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}, "small": {"input": 1, "output": 5}}'
)


def usage(*calls, prices=PRICES):
    counted = Usage(prices_of(prices))
    for tokens, model_id in calls:
        counted.add(tokens, model_id)
    return counted.metadata()


def test_tokens_of_several_models_are_summed_and_priced_by_model():
    big = {"inputTokens": 100_000, "outputTokens": 10_000, "totalTokens": 110_000}
    small = {"inputTokens": 50_000, "outputTokens": 2_000, "totalTokens": 52_000}
    assert usage((big, "big"), (small, "small")) == {
        "usage": {"inputTokens": 150_000, "outputTokens": 12_000, "totalTokens": 162_000},
        "models": ["big", "small"],
        "costUsd": 0.51,
    }


def test_cached_tokens_have_prices_of_their_own():
    tokens = {
        "inputTokens": 1_000, "outputTokens": 0, "totalTokens": 1_101_000,
        "cacheReadInputTokens": 1_000_000, "cacheWriteInputTokens": 100_000,
    }  # fmt: skip
    assert usage((tokens, "big"))["costUsd"] == 0.678
    assert usage((tokens, "small"))["costUsd"] == 1.101


@pytest.mark.parametrize("model_id", ["other", None])
def test_there_is_no_cost_unless_every_model_has_a_price(model_id):
    tokens = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    metadata = usage((tokens, "big"), (tokens, model_id))
    assert metadata["usage"]["totalTokens"] == 4
    assert "costUsd" not in metadata


def test_without_tokens_there_is_nothing_to_say():
    assert usage() == {}
    assert usage(({}, "big")) == {}


def test_no_table_is_an_empty_one():
    assert prices_of("") == {}
    assert prices_of('{"m": {"input": 0, "output": 0.25, "cache_read": null}}') == {"m": ModelPrice(0, 0.25)}


@pytest.mark.parametrize(
    "text",
    ["3", "[]", "{", '{"m": 3}', '{"m": {"input": 3}}', '{"m": {"input": "3", "output": 1}}',
     '{"m": {"input": -1, "output": 1}}', '{"m": {"input": true, "output": 1}}', '{"m": {"input": NaN, "output": 1}}',
     '{"m": {"input": 1, "output": 1, "cached": 1}}'],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(text):
    with pytest.raises(InvalidInput, match=r"^MODEL_PRICES must be a JSON object"):
        prices_of(text)
