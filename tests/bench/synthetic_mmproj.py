#!/usr/bin/env python3
"""Writes the encoders of pictures and sounds that go with a full-size Gemma 4 E2B, as a GGUF file with random weights.

    synthetic_mmproj.py OUT.gguf [f16|bf16|q8_0]

Shapes, types, names, keys and limits of products as the published files have them; noise for what they know. For speed and
memory, never for quality (synthetic_model.py).
"""
import sys

from synthetic_model import BF16, F16, F32, Q8_0, BOOL, F, STRING, U32, array, key, write_file

TEXT = 1536
TYPES = {"f16": (F16, 1), "bf16": (BF16, 32), "q8_0": (Q8_0, 7)}
LIMITS = ("input_min", "input_max", "output_min", "output_max")


def vision(kind):
    hidden, wide, head = 768, 3072, 64
    yield "v.patch_embd.weight", (16, 16, 3, hidden), 0, F16 if kind == F16 else F32
    yield "v.position_embd.weight", (hidden, 10240, 2), 0, F32
    yield "mm.input_projection.weight", hidden, TEXT, kind
    for layer in range(16):
        stem = f"v.blk.{layer}."
        for name, size in (("ln1", hidden), ("ln2", hidden), ("attn_q_norm", head), ("attn_k_norm", head),
                           ("attn_post_norm", hidden), ("ffn_post_norm", hidden)):
            yield stem + name + ".weight", size, 0, F32
        for name, columns, rows in (("attn_q", hidden, hidden), ("attn_k", hidden, hidden), ("attn_v", hidden, hidden),
                                    ("attn_out", hidden, hidden), ("ffn_gate", hidden, wide), ("ffn_up", hidden, wide),
                                    ("ffn_down", wide, hidden)):
            yield stem + name + ".weight", columns, rows, kind
            for limit in LIMITS:
                yield stem + name + "." + limit, 1, 0, F32


def audio(kind):
    hidden, wide, head, out = 1024, 4096, 128, 1536
    yield "a.conv1d.0.weight", (3, 3, 1, 128), 0, F32
    yield "a.conv1d.0.norm.weight", 128, 0, F32
    yield "a.conv1d.1.weight", (3, 3, 128, 32), 0, F32
    yield "a.conv1d.1.norm.weight", 32, 0, F32
    yield "a.input_projection.weight", hidden, hidden, F32
    yield "a.pre_encode.out.weight", hidden, out, kind
    yield "a.pre_encode.out.bias", out, 0, F32
    yield "mm.a.input_projection.weight", out, TEXT, kind
    for layer in range(12):
        stem = f"a.blk.{layer}."
        for name in ("ffn_norm", "ffn_post_norm", "ffn_norm_1", "ffn_post_norm_1", "attn_pre_norm", "attn_post_norm", "ln2",
                     "conv_norm", "norm_conv"):
            yield stem + name + ".weight", hidden, 0, F32
        yield stem + "per_dim_scale.weight", head, 0, F32
        yield stem + "conv_dw.weight", (5, hidden), 0, F32
        yield stem + "attn_k_rel.weight", hidden, hidden, kind
        for name, columns, rows in (("ffn_up", hidden, wide), ("ffn_down", wide, hidden), ("ffn_up_1", hidden, wide),
                                    ("ffn_down_1", wide, hidden), ("attn_q", hidden, hidden), ("attn_k", hidden, hidden),
                                    ("attn_v", hidden, hidden), ("attn_out", hidden, hidden), ("conv_pw1", hidden, 2 * hidden),
                                    ("conv_pw2", hidden, hidden)):
            yield stem + name + ".weight", columns, rows, kind
            for limit in LIMITS:
                yield stem + name + "." + limit, 1, 0, F32


def value(name):
    """What every value of an F32 tensor is; the limits let nearly everything through, as trained ones do."""
    if name.endswith("_min"):
        return -8.0
    if name.endswith("_max"):
        return 8.0
    if "conv" in name and "norm" not in name:
        return 0.1
    return {"v.position_embd.weight": 0.02, "v.patch_embd.weight": 0.02, "a.input_projection.weight": 0.03}.get(
        name, 0.4 if "attn_q_norm" in name else 1.0)


def keys(file_type):
    c = "clip."
    made = [key("general.architecture", STRING, "clip"), key("general.type", STRING, "mmproj"),
            key("general.name", STRING, "synthetic encoders of Gemma 4 E2B"), key("general.file_type", U32, file_type),
            key(c + "has_vision_encoder", BOOL, True), key(c + "has_audio_encoder", BOOL, True),
            key(c + "vision.projector_type", STRING, "gemma4v"), key(c + "audio.projector_type", STRING, "gemma4a"),
            key(c + "vision.image_size", U32, 224), key(c + "vision.patch_size", U32, 16),
            key(c + "audio.num_mel_bins", U32, 128), array(c + "vision.image_mean", F, [0.0] * 3),
            array(c + "vision.image_std", F, [1.0] * 3)]
    for side, hidden, wide, blocks, heads in (("vision", 768, 3072, 16, 12), ("audio", 1024, 4096, 12, 8)):
        made += [key(f"{c}{side}.projection_dim", U32, TEXT), key(f"{c}{side}.embedding_length", U32, hidden),
                 key(f"{c}{side}.feed_forward_length", U32, wide), key(f"{c}{side}.block_count", U32, blocks),
                 key(f"{c}{side}.attention.head_count", U32, heads),
                 key(f"{c}{side}.attention.layer_norm_epsilon", F, 1e-6)]
    return made


def main():
    if len(sys.argv) < 2 or (sys.argv[2:] or ["f16"])[0] not in TYPES:
        sys.exit(__doc__)
    kind, file_type = TYPES[(sys.argv[2:] or ["f16"])[0]]
    write_file(sys.argv[1], [*vision(kind), *audio(kind)], keys(file_type), value)


if __name__ == "__main__":
    main()
