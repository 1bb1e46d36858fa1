"""Writes a GGUF model of random weights, a few hundred kilobytes: a Llama that says nonsense in ASCII.

    python tests/llama_server/tiny_gguf.py model.gguf

The vocabulary is ASCII alone, so that no reply can end inside a character.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 2048
WORDS = ("th", "he", "in", "er", "an")  # a few merges: a tokenizer without any is refused
TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m.role }}: {{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant: {% endif %}"
)


def write_model(path: Path, seed: int = 0) -> None:
    """Write the model. The same seed gives the same weights."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    size = _add_tokens(writer)
    writer.add_vocab_size(size)
    _add_weights(writer, size, np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokens(writer: gguf.GGUFWriter) -> int:
    # Byte-level BPE writes a space and a line feed as these two characters.
    plain = ["\u0120", "\u010a", *(chr(c) for c in range(33, 127)), *WORDS]
    special = ["<|start|>", "<|end|>"]
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*plain, *special])
    writer.add_token_types([*(normal for _ in plain), *(control for _ in special)])
    writer.add_token_merges([f"{w[0]} {w[1]}" for w in WORDS])
    writer.add_bos_token_id(len(plain))
    writer.add_eos_token_id(len(plain) + 1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    return len(plain) + len(special)


def _add_weights(writer: gguf.GGUFWriter, size: int, dice: np.random.Generator) -> None:
    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, dice.normal(0, 0.2, shape).astype(np.float32))

    def add_norm(name: str) -> None:
        writer.add_tensor(name, np.ones(WIDTH, dtype=np.float32))

    add("token_embd.weight", size, WIDTH)
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        add_norm(f"{at}.attn_norm.weight")
        add_norm(f"{at}.ffn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"{at}.{part}.weight", WIDTH, WIDTH)
        add(f"{at}.ffn_gate.weight", INNER, WIDTH)
        add(f"{at}.ffn_up.weight", INNER, WIDTH)
        add(f"{at}.ffn_down.weight", WIDTH, INNER)
    add_norm("output_norm.weight")
    add("output.weight", size, WIDTH)


if __name__ == "__main__":
    write_model(Path(sys.argv[1]))
