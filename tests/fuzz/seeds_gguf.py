"""Seeds in GGUF's form: models, vocabularies, encoders of sound and pictures. See seeds.py."""
import struct

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", 11: "q",
           12: "d"}


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def scalar(kind, value):
    return text(value) if kind == STRING else struct.pack("<" + FORMATS[kind], value)


def kind_of(value):
    for python, kind in ((bool, BOOL), (int, U32), (float, F32), (str, STRING), (bytes, STRING)):
        if isinstance(value, python):
            return kind
    raise TypeError(value)


def value_of(value):
    """(KIND, VALUE), or a value that says its kind itself; a list is an array."""
    kind, value = value if isinstance(value, tuple) else (None, value)
    if not isinstance(value, list):
        kind = kind_of(value) if kind is None else kind
        return struct.pack("<I", kind) + scalar(kind, value)
    kind = kind_of(value[0]) if kind is None else kind
    return struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(scalar(kind, one) for one in value)


def gguf(keys, tensors=(), data=b""):
    """Tensors: (name, sizes, type, offset)."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for key, value in keys.items():
        out += text(key) + value_of(value)
    for name, sizes, kind, offset in tensors:
        out += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)
    return out + bytes(-len(out) % 32) + data


class Reader:
    """A GGUF file that we made, taken apart again."""

    def __init__(self, data):
        self.data, self.at = data, 4
        _, tensor_count, key_count = self.take("I"), self.take("Q"), self.take("Q")
        self.keys = {}
        for _ in range(key_count):
            name = self.text().decode()
            self.keys[name] = self.value()
        self.tensors = []
        for _ in range(tensor_count):
            name = self.text().decode()
            sizes = [self.take("Q") for _ in range(self.take("I"))]
            self.tensors.append((name, sizes, self.take("I"), self.take("Q")))

    def take(self, form):
        value = struct.unpack_from("<" + form, self.data, self.at)[0]
        self.at += struct.calcsize("<" + form)
        return value

    def text(self):
        size = self.take("Q")
        self.at += size
        return self.data[self.at - size:self.at]

    def one(self, kind):
        return self.text() if kind == STRING else self.take(FORMATS[kind])

    def value(self):
        kind = self.take("I")
        if kind != ARRAY:
            return kind, self.one(kind)
        kind, count = self.take("I"), self.take("Q")
        return kind, [self.one(kind) for _ in range(count)]


# --- hyperparameters ---

MODEL = {
    "general.architecture": "gemma4", "gemma4.block_count": 4, "gemma4.embedding_length": 8,
    "gemma4.feed_forward_length": 8, "gemma4.attention.head_count": 2,
    "gemma4.attention.head_count_kv": 1, "gemma4.attention.key_length": 8,
    "gemma4.attention.key_length_swa": 4, "gemma4.attention.sliding_window_pattern": [True, False] * 2,
    "tokenizer.ggml.tokens": ["a"],
}


def hparams():
    def changed(**changes):
        keys = {("gemma4." + name.replace("__", ".")): value for name, value in changes.items()}
        return {**MODEL, **keys}

    def gone(*names):
        return {key: value for key, value in MODEL.items() if key not in names}

    def drafter(keys):
        named = {key.replace("gemma4.", "gemma4-assistant."): value for key, value in keys.items()}
        return {**named, "general.architecture": "gemma4-assistant"}

    def divided(divisors, keys=MODEL, values=None):
        data = struct.pack(f"<{len(divisors)}f", *divisors)
        return gguf(keys, [("rope_freqs.weight", [values or len(divisors)], 0, 0)], data)

    heads = "attention__head_count"
    cases = {
        "whole": MODEL,
        "no_layer": changed(block_count=0),
        "layers_missing": gone("gemma4.block_count"),
        "another_architecture": {**MODEL, "general.architecture": "lla\x1bma"},
        "no_vocabulary": {**MODEL, "tokenizer.ggml.tokens": (STRING, [])},
        "epsilon_not_a_number": changed(attention__layer_norm_rms_epsilon=float("nan")),
        "epsilon_an_integer": changed(attention__layer_norm_rms_epsilon=1),
        "more_experts_used_than_there_are": changed(expert_count=2, expert_used_count=3),
        "a_flag_for_a_number": changed(attention__head_count_kv=True),
        "a_text_for_a_number": changed(attention__head_count_kv="1"),
        "reals_for_layers": changed(attention__head_count_kv=[1.0] * 4),
        "values_for_fewer_layers": changed(attention__head_count_kv=[1] * 3),
        "width_of_a_layer_0": changed(feed_forward_length=[8, 0, 8, 8]),
        "heads_differ_by_layer": changed(attention__head_count=[2, 1, 2, 1]),
        "heads_missing": gone("gemma4.attention.head_count"),
        "head_of_one": changed(attention__key_length=1),
        "head_odd": changed(attention__key_length_swa=3),
        "values_narrower_than_keys": changed(attention__value_length=4),
        "neither_sliding_nor_full": changed(attention__sliding_window_pattern=[2, 0, 1, 0]),
        "heads_not_shared_evenly": changed(attention__head_count=3, attention__head_count_kv=2),
        "all_layers_share": changed(attention__shared_kv_layers=4),
        "nobody_to_share_with": changed(attention__shared_kv_layers=3),
        "shares_with_another_width": changed(attention__shared_kv_layers=2,
                                             attention__head_count_kv=[1, 1, 2, 1]),
        "pictures_see_forwards": changed(attention__bidirectional="vision"),
        "pictures_see_a_number": changed(attention__bidirectional=1),
        "pictures_see_what": changed(attention__bidirectional="all"),
        "drafter": drafter(MODEL),
        "drafter_without_heads": drafter(gone("gemma4.attention.head_count")),
    }
    made = {"hparams_" + name: gguf(keys) for name, keys in cases.items()}
    made["hparams_rotates_half"] = divided([1, 1, 1e30, 1e30])
    made["hparams_rotation_scaled"] = divided([1, 1, 2, 1e30])
    made["hparams_rotation_of_three"] = divided([1, 1, 1e30])
    made["hparams_drafter_rotation_scaled"] = divided([1, 2, 1e30, 1e30], drafter(MODEL))
    every = {f"key.{kind}": (kind, "text" if kind == STRING else 1) for kind in (*FORMATS, STRING)}
    every.update({f"list.{kind}": (kind, ["text", "x"] if kind == STRING else [1, 0])
                  for kind in (*FORMATS, STRING)})
    made["every_type"] = gguf({**every, "large": (U64, 1 << 63), "larges": (U64, [1 << 63])})
    return made


# --- vocabularies ---

def vocabularies():
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    few = {"tokenizer.ggml.model": "gemma4", "tokenizer.ggml.tokens": ["<bos>", "▁", "a"]}
    whole = {"tokenizer.ggml.model": "gemma4",
             "tokenizer.ggml.tokens": ["<bos>", "▁", "a", "b", "ab"] + byte_tokens,
             "tokenizer.ggml.merges": ["a b"]}
    types = "tokenizer.ggml.token_type"
    cases = {
        "another_model": {**few, "tokenizer.ggml.model": "gpt\x1b2"},
        "no_model": {"tokenizer.ggml.tokens": ["a"]},
        "of_another_maker": {**few, "tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "gemma4"},
        "no_tokens": {"tokenizer.ggml.model": "gemma4"},
        "numbers_for_tokens": {**few, "tokenizer.ggml.tokens": [1, 2]},
        "no_byte_tokens": few,
        "one_type": {**few, types: 1},
        "real_types": {**few, types: [1.0] * 3},
        "fewer_types": {**few, types: [1, 1]},
        "unknown_type": {**few, types: [1, 9, 1]},
        "byte_token_misspelled": {**few, types: [3, 1, 6]},
        "token_of_nothing": {**few, "tokenizer.ggml.tokens": ["a", ""]},
        "token_twice": {**few, "tokenizer.ggml.tokens": ["a", "b", "a"]},
        "no_space": {**whole, "tokenizer.ggml.tokens": ["<bos>", "x", "a", "b", "ab"] + byte_tokens},
        "first_token_a_text": {**whole, "tokenizer.ggml.bos_token_id": "2"},
        "first_token_no_control": {**whole, "tokenizer.ggml.bos_token_id": 2},
        "last_token_not_there": {**whole, "tokenizer.ggml.eos_token_id": 9999},
        "merges_missing": {key: value for key, value in whole.items() if "merges" not in key},
    }
    return {"vocabulary_" + name: gguf(keys) for name, keys in cases.items()}


# --- encoders of sound ---

def sounds(tests):
    """From a file of our own, with what is read after the mistake left out."""
    base = Reader(open(f"{tests}/engine/audio/corpus_audio/tiny.gguf", "rb").read())
    sizes = {name: one for name, one, _, _ in base.tensors}
    layer = [name for name in sizes if name.startswith("a.blk.0.")]
    before = ["a.conv1d.0.weight", "a.conv1d.0.norm.weight", "a.conv1d.1.weight",
              "a.conv1d.1.norm.weight", "a.input_projection.weight"]

    def made(keys, names, changed=None, first_value=None):
        tensors, data = [], b""
        for name in names:
            shape = (changed or {}).get(name, sizes.get(name, [4]))
            count = 1
            for one in shape:
                count *= one
            tensors.append((name, shape, 0, len(data)))
            value = 0.5 if name != "a.blk.0.attn_q.input_max" else first_value or 0.5
            data += struct.pack("<f", value) * count
            data += bytes(-len(data) % 32)
        return gguf({**base.keys, **keys}, tensors, data)

    query = "a.blk.0.attn_q.input_max"
    cases = {
        "other_bands": made({"clip.audio.num_mel_bins": 64}, []),
        "no_bands": made({"clip.audio.num_mel_bins": 0}, []),
        "heads_do_not_divide": made({"clip.audio.attention.head_count": 3}, []),
        "unknown_tensor": made({}, ["mm.a.soft_emb_norm.weight"]),
        "no_kernel": made({}, before[1:]),
        "no_norm": made({}, before[:3]),
        "too_many_channels": made({}, before, {before[1]: [1025]}),
        "half_a_layer": made({}, before + layer[:4]),
        "bound_of_two": made({}, before + layer, {query: [2]}),
        "bounds_exclude_everything": made({}, before + layer, None, -3.0),
    }
    return {"made_" + name: content for name, content in cases.items()}


# --- encoders of pictures ---

def pictures():
    d, f16 = 4, 1
    keys = {"general.architecture": "clip", "clip.has_vision_encoder": True,
            "clip.vision.projector_type": "gemma4v", "clip.vision.embedding_length": d,
            "clip.vision.feed_forward_length": d, "clip.vision.block_count": 1,
            "clip.vision.attention.head_count": 1, "clip.vision.projection_dim": d,
            "clip.vision.patch_size": 16}
    sizes = {"v.position_embd.weight": [d, 8, 2], "v.std_bias": [d], "v.std_scale": [d],
             "mm.input_projection.weight": [d, d]}
    sizes.update({f"v.blk.0.{name}.weight": [d, d] for name in (
        "attn_q", "attn_k", "attn_v", "attn_out", "ffn_gate", "ffn_up", "ffn_down")})
    sizes.update({f"v.blk.0.attn_q.{name}": [1] for name in ("input_min", "input_max")})
    sizes.update({f"v.blk.0.{name}.weight": [d] for name in (
        "ln1", "attn_q_norm", "attn_k_norm", "attn_post_norm", "ln2", "ffn_post_norm")})
    patch = {"v.patch_embd.weight": [16, 16, 3, d]}

    def made(changed_keys=None, changed=None, until=None, values=None, halves=()):
        tensors, data = [], b""
        for name, shape in {**sizes, **patch, **(changed or {})}.items():
            if shape is None:
                continue
            kind = f16 if name in patch or name in halves else 0
            count = 1
            for one in shape:
                count *= one
            tensors.append((name, shape, kind, len(data)))
            value = (values or {}).get(name, 0.5 if "max" in name else 0.25)
            data += struct.pack("<e" if kind else "<f", value) * count
            data += bytes(-len(data) % 32)
            if name == until:
                break
        chosen = {**keys, **(changed_keys or {})}
        return gguf({key: value for key, value in chosen.items() if value is not None}, tensors, data)

    def of_keys(**changes):
        names = {name.replace("__", "."): value for name, value in changes.items()}
        return made({("general." if name == "architecture" else "clip.") + name: value
                     for name, value in names.items()}, until="v.position_embd.weight")

    first = "v.position_embd.weight"
    return {
        "whole": made(),
        "of_a_folder": made(changed={"v.patch_embd.weight": [768, d]}),
        "text_model": of_keys(architecture="gemma\x1b4"),
        "no_architecture": of_keys(architecture=None),
        "no_pictures": of_keys(has_vision_encoder=None),
        "pictures_a_number": of_keys(has_vision_encoder=1),
        "kind_unknown": of_keys(vision__projector_type="siglip"),
        "kind_missing": of_keys(vision__projector_type=None),
        "kind_of_the_file": of_keys(vision__projector_type=None, projector_type="gemma4v"),
        "width_missing": of_keys(vision__embedding_length=None),
        "width_0": of_keys(vision__embedding_length=0),
        "patch_of_14": of_keys(vision__patch_size=14),
        "pool_of_2": of_keys(vision__projector__scale_factor=2),
        "heads_do_not_divide": of_keys(vision__attention__head_count=2),
        "epsilon_1": of_keys(vision__attention__layer_norm_epsilon=1.0),
        "epsilon_a_number": of_keys(vision__attention__layer_norm_epsilon=1),
        "position_of_one": made(changed={first: [d, 8, 1]}, until=first),
        "no_position": made(changed={first: None}, until="v.std_bias"),
        "bias_without_scale": made(until="v.std_bias"),
        "scale_of_halves": made(until="v.std_scale", halves=("v.std_scale",)),
        "projection_of_another_shape": made(changed={"mm.input_projection.weight": [d, 2]},
                                            until="mm.input_projection.weight"),
        "half_a_layer": made(until="v.blk.0.attn_k.weight"),
        "no_norm": made(until="v.blk.0.ln1.weight"),
        "limit_no_number": made(values={"v.blk.0.attn_q.input_min": float("nan")},
                                until="v.blk.0.attn_q.input_max"),
        "limits_backwards": made(values={"v.blk.0.attn_q.input_min": 1.0},
                                 until="v.blk.0.attn_q.input_max"),
        "no_patch": made(until="v.blk.0.ffn_post_norm.weight"),
        "patch_of_another_shape": made(changed={"v.patch_embd.weight": [16, 8, 3, d]}),
    }


def corpora(tests):
    return {"engine/vision/corpus_vision": pictures(),
            "engine/load/corpus_gguf": {**hparams(), **vocabularies()},
            "engine/audio/corpus_audio": sounds(tests)}
