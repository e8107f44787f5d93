#!/usr/bin/env python3
"""Writes a full-size Gemma 4 E2B as a GGUF file with random weights: right shapes, types, names and keys, noise for text.

    synthetic_model.py OUT.gguf [q4_0|qat|q4_k_m|q8_0] [small]

"small" keeps the width but has five layers and few tokens: for what needs some model beside its encoders. For speed and memory, never for quality. Random weights cost what real ones cost on every path that does not depend on
values. A pattern of some thousand random blocks is written over and over: the files compress, memory does not.
"""
import math
import random
import struct
import sys

LAYERS, HIDDEN, HEADS, VOCABULARY, PER_LAYER, OWN_KV = 35, 1536, 8, 262144, 256, 15
F32, F16, Q4_0, Q8_0, Q4_K, Q6_K, BF16 = 0, 1, 2, 8, 12, 14, 30
BLOCK = {F32: (1, 4), F16: (1, 2), Q4_0: (32, 18), Q8_0: (32, 34), Q4_K: (256, 144), Q6_K: (256, 210), BF16: (1, 2)}
U8, I32, U32, F, BOOL, STRING, ARRAY = 0, 5, 4, 6, 7, 8, 9
CONTROL = {0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>", 46: "<|tool>", 47: "<tool|>", 48: "<|tool_call>",
           49: "<tool_call|>", 50: "<|tool_response>", 51: "<tool_response|>", 52: '<|"|>', 98: "<|think|>", 100: "<|channel>",
           101: "<channel|>", 105: "<|turn>", 106: "<turn|>"}
PIECES = {107: "\n", 494: "\u2581", 495: "a", 496: "b", 497: "ab"}
rng = random.Random(4)


def is_full(layer):
    return layer % 5 == 4


def types(mix):
    """Tensor -> type, as the published files of that name have it."""
    def choose(name, layer):
        if name == "per_layer_model_proj":
            return Q8_0 if mix == "q8_0" else BF16
        if mix == "q8_0":
            return Q8_0
        if name == "token_embd":
            return Q6_K
        if name == "per_layer_token_embd":
            return Q4_0 if mix == "qat" else Q6_K
        if mix == "q4_k_m":
            more = layer < LAYERS // 8 or layer >= 7 * LAYERS // 8 or (layer - LAYERS // 8) % 3 == 2
            return Q6_K if name in ("attn_v", "ffn_down") and more else Q4_K
        return Q4_0
    return choose


def tensors(mix):
    """(name, columns, rows, type) in the file's order."""
    choose = types(mix)
    yield "rope_freqs.weight", 256, 0, F32
    yield "token_embd.weight", HIDDEN, VOCABULARY, choose("token_embd", 0)
    yield "per_layer_token_embd.weight", PER_LAYER * LAYERS, VOCABULARY, choose("per_layer_token_embd", 0)
    yield "per_layer_model_proj.weight", HIDDEN, PER_LAYER * LAYERS, choose("per_layer_model_proj", 0)
    yield "per_layer_proj_norm.weight", PER_LAYER, 0, F32
    yield "output_norm.weight", HIDDEN, 0, F32
    for layer in range(LAYERS):
        head = 512 if is_full(layer) else 256
        wide = 6144 if layer < OWN_KV else 12288
        for name, columns, rows in (
                ("attn_norm", HIDDEN, 0), ("attn_q", HIDDEN, HEADS * head), ("attn_k", HIDDEN, head), ("attn_v", HIDDEN, head),
                ("attn_output", HEADS * head, HIDDEN), ("attn_q_norm", head, 0), ("attn_k_norm", head, 0),
                ("post_attention_norm", HIDDEN, 0), ("ffn_norm", HIDDEN, 0), ("ffn_gate", HIDDEN, wide), ("ffn_up", HIDDEN, wide),
                ("ffn_down", wide, HIDDEN), ("post_ffw_norm", HIDDEN, 0), ("inp_gate", HIDDEN, PER_LAYER),
                ("proj", PER_LAYER, HIDDEN), ("post_norm", HIDDEN, 0), ("layer_output_scale", 1, 0)):
            yield f"blk.{layer}.{name}.weight", columns, rows, choose(name, layer) if rows else F32


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def key(name, kind, value):
    pack = {U32: "<I", F: "<f", BOOL: "<?"}
    return text(name) + struct.pack("<I", kind) + (text(value) if kind == STRING else struct.pack(pack[kind], value))


def array(name, kind, values):
    pack = {I32: "<%di", F: "<%df", BOOL: "<%d?"}
    body = b"".join(map(text, values)) if kind == STRING else struct.pack(pack[kind] % len(values), *values)
    return text(name) + struct.pack("<IIQ", ARRAY, kind, len(values)) + body


def vocabulary():
    names, kinds = [], []
    for i in range(VOCABULARY):
        byte = i - 238
        names.append(CONTROL.get(i) or (f"<0x{byte:02X}>" if 0 <= byte < 256 else PIECES.get(i, f"\u2581w{i}")))
        kinds.append(3 if i in CONTROL else 6 if 0 <= byte < 256 else 1)
    return names, kinds


def keys(mix):
    g = "gemma4."
    names, kinds = vocabulary()
    return [
        key("general.architecture", STRING, "gemma4"), key("general.name", STRING, f"synthetic Gemma 4 E2B, {mix}"),
        key(g + "block_count", U32, LAYERS), key(g + "context_length", U32, 131072), key(g + "embedding_length", U32, HIDDEN),
        array(g + "feed_forward_length", I32, [6144 if i < OWN_KV else 12288 for i in range(LAYERS)]),
        key(g + "attention.head_count", U32, HEADS), key(g + "attention.head_count_kv", U32, 1),
        key(g + "rope.freq_base", F, 1e6), key(g + "rope.freq_base_swa", F, 1e4),
        key(g + "attention.layer_norm_rms_epsilon", F, 1e-6),
        key(g + "attention.key_length", U32, 512), key(g + "attention.value_length", U32, 512),
        key(g + "attention.key_length_swa", U32, 256), key(g + "attention.value_length_swa", U32, 256),
        key(g + "final_logit_softcapping", F, 30.0), key(g + "attention.sliding_window", U32, 512),
        key(g + "attention.shared_kv_layers", U32, LAYERS - OWN_KV), key(g + "embedding_length_per_layer_input", U32, PER_LAYER),
        array(g + "attention.sliding_window_pattern", BOOL, [not is_full(i) for i in range(LAYERS)]),
        key(g + "rope.dimension_count", U32, 512), key(g + "rope.dimension_count_swa", U32, 256),
        key("tokenizer.ggml.model", STRING, "gemma4"), array("tokenizer.ggml.tokens", STRING, names),
        array("tokenizer.ggml.scores", F, [-float(i) for i in range(VOCABULARY)]),
        array("tokenizer.ggml.token_type", I32, kinds), array("tokenizer.ggml.merges", STRING, ["a b"]),
        key("tokenizer.ggml.bos_token_id", U32, 2), key("tokenizer.ggml.eos_token_id", U32, 106),
        key("tokenizer.ggml.unknown_token_id", U32, 3), key("tokenizer.ggml.padding_token_id", U32, 0),
        key("tokenizer.ggml.add_space_prefix", BOOL, False), key("tokenizer.ggml.add_bos_token", BOOL, True),
    ]


def block(kind, deviation):
    """Random codes under a scale that gives the values about this standard deviation."""
    half = lambda value: struct.pack("<e", value)
    if kind == F16:
        return half(rng.gauss(0, deviation))
    if kind == BF16:
        return struct.pack("<f", rng.gauss(0, deviation))[2:]
    if kind == Q4_0:
        return half(deviation / 4.6) + rng.randbytes(16)
    if kind == Q8_0:
        return half(deviation / 74) + rng.randbytes(32)
    if kind == Q4_K:  # the minimum takes the codes' mean away
        return half(deviation / 150) + half(deviation / 150 * 7.5) + rng.randbytes(140)
    return rng.randbytes(208) + half(deviation / 18.5 / 74)


def write_tensor(file, columns, rows, kind, value=1.0):
    values, size = BLOCK[kind]
    count = columns * max(rows, 1) // values
    if kind == F32:
        data = struct.pack("<f", value) * count
    else:
        pattern = b"".join(block(kind, columns ** -0.5) for _ in range(min(count, 8191)))
        data = pattern
        while len(data) < min(count * size, 1 << 26):
            data += data
    left = count * size
    while left > 0:
        file.write(data[:left])
        left -= min(left, len(data))
    file.write(b"\0" * (-(count * size) % 32))


def write_file(path, every, metadata, value=lambda name: 1.0):
    """every: (name, columns, rows, type), or a whole shape in GGUF's order for columns. F32 tensors hold value(name)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(every), len(metadata)) + b"".join(metadata)
    offset = 0
    for name, columns, rows, kind in every:
        shape = columns if isinstance(columns, tuple) else (columns, rows) if rows else (columns,)
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        values, size = BLOCK[kind]
        offset += (math.prod(shape) // values * size + 31) // 32 * 32
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32))
        for name, columns, rows, kind in every:
            shape = columns if isinstance(columns, tuple) else (columns, max(rows, 1))
            write_tensor(file, shape[0], math.prod(shape[1:]), kind, value(name))
        print(f"{path}: {len(every)} tensors, {file.tell() / 1e9:.2f} GB")


def main():
    global LAYERS, OWN_KV, VOCABULARY
    path, mix = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "q4_0"
    if mix not in ("q4_0", "qat", "q4_k_m", "q8_0") or sys.argv[3:] not in ([], ["small"]):
        sys.exit(__doc__)
    if sys.argv[3:]:
        LAYERS, OWN_KV, VOCABULARY = 5, 5, 1024
    write_file(path, list(tensors(mix)), keys(mix))


if __name__ == "__main__":
    main()
