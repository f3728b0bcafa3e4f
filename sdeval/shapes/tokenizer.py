"""The small vocabulary of the shapes world as an ordinary `CLIPTokenizer`.

Every word of the world is one token; any other text is spelled in bytes, so unknown words never crash.
"""

from __future__ import annotations

import json

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
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
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder()
    trainer = trainers.BpeTrainer(
        vocab_size=2000, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False, min_frequency=1
    )
    tokenizer.train_from_iterator([" ".join(words())], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    # CLIP's own order: plain bytes, bytes that end a word, then one token for each merge.
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet), *("".join(pair) for pair in merges)]
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}, merges
