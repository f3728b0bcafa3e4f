"""The small vocabulary of the shapes world as an ordinary `CLIPTokenizer`.

Every word of the world is one token; any other text is spelled in bytes, so unknown words never crash.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

from sdeval.shapes import world

CONTEXT = 77
"""Tokens of a text, start and end included, as in Stable Diffusion."""

START, END = "<|startoftext|>", "<|endoftext|>"


def words() -> tuple[str, ...]:
    """Every word a caption can hold."""
    relations = (word for relation in world.RELATIONS for word in relation.split())
    return tuple(dict.fromkeys(("a", "on", "background", *world.COLOURS, *world.KINDS, *world.SIZES, *relations)))


def build() -> CLIPTokenizer:
    """Learn the merges that make each word one token, and wrap them for transformers.

    The end token has the highest id: CLIP text towers find the end of a text by the largest id in it.
    """
    vocabulary, merges = _byte_pairs()
    for special in (START, END):
        vocabulary[special] = len(vocabulary)
    return CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        unk_token=END,
        model_max_length=CONTEXT,
    )


def _byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Byte-pair encoding (Sennrich et al. 2016) of the words, until each is one token.

    Learnt here and not by a library, whose ties fall differently from process to process: ids would not be stable.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    spelled = [[*word[:-1], f"{word[-1]}</w>"] for word in words()]
    merges: list[tuple[str, str]] = []
    while any(len(parts) > 1 for parts in spelled):
        counts = Counter(pair for parts in spelled for pair in pairwise(parts))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        spelled = [_merge_pair(parts, best) for parts in spelled]
    # CLIP's own order: plain bytes, bytes that end a word, then one token for each merge.
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet), *("".join(pair) for pair in merges)]
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}, merges


def _merge_pair(parts: list[str], pair: tuple[str, str]) -> list[str]:
    result: list[str] = []
    for part in parts:
        if result and (result[-1], part) == pair:
            result[-1] += part
        else:
            result.append(part)
    return result
