"""Seeds of models as Hugging Face publishes them: JSON files and safetensors. See seeds.py.

The first byte of an input of corpus_safetensors says which file it is; one of corpus_hf_folder is
all files of a folder. See the targets.
"""
import json
import struct

TENSORS, CONFIG, TOKENIZER, GENERATION = b"\0", b"\1", b"\2", b"\3"


def safetensors(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(header)) + header + data


def tensor(dtype="F32", shape=(1,), begin=0, end=4):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def files():
    def one(fields):
        return b'{"t":{' + fields.encode() + b"}}"

    empty = tensor(shape=(0,), end=0)
    cases = {
        "not_eight_bytes": b"1234567",
        "header_of_nothing": struct.pack("<Q", 0) + b"{}",
        "header_a_list": safetensors(b"[]"),
        "header_ends_early": safetensors(b'{"t"'),
        "header_and_more": safetensors(b"{} {}"),
        "metadata_broken": safetensors(b'{"__metadata__":{"a":}}'),
        "name_of_nothing": safetensors({"": tensor()}, bytes(4)),
        "name_escaped": safetensors(b'{"\\u0061":{}}'),
        "tensor_a_number": safetensors({"t": 1}),
        "tensor_of_nothing": safetensors({"t": {}}),
        "dtype_a_number": safetensors(one('"dtype":1')),
        "dtype_unknown": safetensors(one('"dtype":"F31"')),
        "dtype_twice": safetensors(one('"dtype":"F32","dtype":"F32"')),
        "field_unknown": safetensors(one('"kind":1')),
        "shape_a_number": safetensors(one('"shape":1')),
        "shape_of_texts": safetensors(one('"shape":["1"]')),
        "shape_below_0": safetensors(one('"shape":[-1]')),
        "shape_of_many": safetensors(one('"shape":[' + ",".join("1" * 40) + "]")),
        "shape_wraps": safetensors({"t": tensor(shape=(1 << 40, 1 << 40))}),
        "shape_contradicts": safetensors({"t": tensor(shape=(2,))}, bytes(4)),
        "offsets_a_number": safetensors(one('"data_offsets":1')),
        "offsets_one": safetensors(one('"data_offsets":[0]')),
        "offsets_three": safetensors(one('"data_offsets":[0,4,8]')),
        "offsets_texts": safetensors(one('"data_offsets":["0"]')),
        "offsets_broken": safetensors(one('"data_offsets":[0,4')),
        "offsets_backwards": safetensors({"t": tensor(begin=4, end=0)}, bytes(4)),
        "tensor_twice": safetensors(b'{"t":%s,"t":%s}' % ((json.dumps(empty).encode(),) * 2)),
        "hole": safetensors({"t": tensor(begin=4, end=8)}, bytes(8)),
        "rest": safetensors({"t": tensor()}, bytes(8)),
        "empty_ones": safetensors({"b": tensor(), "a": empty, "c": empty}, bytes(4)),
        "names": safetensors({name: empty for name in (
            "lm_head.weight", "masked_embedding.token_ordering", "model.norm.weight", "model.other",
            "model.language_model.layers.3.mlp.up_proj.weight", "model.layers.x.layer_scalar",
            "model.layers.0.other", "vision_tower.x")}),
    }
    return {"file_" + name: TENSORS + content for name, content in cases.items()}


# --- config.json ---

NEEDED = {"vocab_size": 4, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2,
          "num_attention_heads": 2, "num_key_value_heads": 1}


def configurations():
    def changed(**changes):
        return {**NEEDED, **changes}

    def rope(kind="full_attention", **values):
        return changed(rope_parameters={kind: values})

    cases = {
        "list": [],
        "layers_0": changed(num_hidden_layers=0),
        "size_below_0": changed(hidden_size=-1),
        "size_a_text": changed(hidden_size="8"),
        "size_a_fraction": changed(hidden_size=8.5),
        "size_missing": {"vocab_size": 4},
        "types_null": changed(layer_types=None),
        "types_a_text": changed(layer_types="full_attention"),
        "types_a_number": changed(layer_types=[1]),
        "types_unknown": changed(layer_types=["half_attention"]),
        "types_of_one": changed(layer_types=["full_attention"]),
        "types_too_many": changed(layer_types=["full_attention"] * 260),
        "layers_null": changed(per_layer_config=None),
        "layers_a_list": changed(per_layer_config=[]),
        "layer_a_number": changed(per_layer_config={"0": 1}),
        "layer_007": changed(per_layer_config={"007": {}}),
        "layer_value_unknown": changed(per_layer_config={"0": {"size": 1}}),
        "layer_value_a_text": changed(per_layer_config={"0": {"head_dim": "4"}}),
        "layer_values": changed(per_layer_config={"1": {"head_dim": 4, "num_key_value_heads": 2}}),
        "rope_null": changed(rope_parameters=None),
        "rope_a_list": changed(rope_parameters=[]),
        "rope_kind_a_list": changed(rope_parameters={"full_attention": []}),
        "rope_kind_unknown": rope("half_attention"),
        "rope_type_unknown": rope(rope_type="yarn"),
        "rope_scaled": rope(factor=2),
        "rope_not_scaled": rope(factor=1, other=[]),
        "rope_theta_a_text": rope(rope_theta="1"),
        "rope_part": rope("sliding_attention", partial_rotary_factor=0.5),
        "model_type_a_number": changed(model_type=1),
        "model_type_unknown": {"text_config": changed(model_type="gemma3_text")},
        "activation_unknown": changed(hidden_activation="relu"),
        "pictures_unknown": changed(use_bidirectional_attention="all"),
        "pictures_see_forwards": changed(use_bidirectional_attention="vision"),
        "flag_a_number": changed(attention_k_eq_v=1),
        "bias": changed(attention_bias=True),
        "all_share": changed(num_kv_shared_layers=2),
        "drafter": {"model_type": "gemma4_assistant", "backbone_hidden_size": 8,
                    "centroid_intermediate_top_k": 1, "text_config": NEEDED},
        "drafter_of_nobody": {"model_type": "gemma4_assistant", "text_config": NEEDED},
        "global_heads": changed(num_global_key_value_heads=2, attention_k_eq_v=True,
                                layer_types=["sliding_attention", "full_attention"]),
    }
    made = {"config_" + name: CONFIG + json.dumps(value).encode() for name, value in cases.items()}
    texts = {
        "text_twice": b'{"text_config":{},"text_config":{}}',
        "ends_early": b'{"hidden_size":',
        "and_more": b"{} x",
        "number_too_large": b'{"rms_norm_eps":1e999}',
        "exponent_of_nothing": b'{"rms_norm_eps":1e}',
        "escape_unknown": b'{"a":"\\q"}',
        "hexadecimal_unknown": b'{"a":"\\u12G4"}',
        "no_comma": b'{"a":1 "b":2}',
        "word_unknown": b'{"attention_bias":trve}',
        "real_a_text": b'{"rms_norm_eps":"1"}',
    }
    made.update({"config_" + name: CONFIG + content for name, content in texts.items()})
    return made


# --- tokenizer.json, generation_config.json ---

def tokenizers():
    def model(text):
        return b'{"model":{' + text + b"}}"

    vocabulary = b'"vocab":{"a":0,"b":1,"ab":2}'
    cases = {
        "list": b"[]",
        "of_nothing": b"{}",
        "added_only": b'{"added_tokens":[{"id":0,"content":"<bos>","special":true}]}',
        "model_a_list": b'{"model":[]}',
        "model_other": model(b'"type":"Unigram"'),
        "model_more": model(b'"type":"BPE","dropout":null,' + vocabulary + b',"merges":[["a","b"]]'),
        "merges_as_text": model(vocabulary + b',"merges":["a b"]'),
        "vocabulary_a_list": model(b'"vocab":[]'),
        "vocabulary_twice": model(b'"vocab":{},"vocab":{}'),
        "id_below_0": model(b'"vocab":{"a":-1}'),
        "id_too_large": model(b'"vocab":{"a":99999999}'),
        "id_twice": model(b'"vocab":{"a":0,"b":0}'),
        "merges_a_number": model(b'"merges":1'),
        "merges_twice": model(b'"merges":[],"merges":[]'),
        "merge_a_number": model(b'"merges":[1]'),
        "merge_of_one": model(b'"merges":[["a"]]'),
        "merge_of_numbers": model(b'"merges":[[1,2]]'),
        "merge_of_nothing": model(b'"merges":[["","a"]]'),
        "merge_with_a_space": model(b'"merges":[["a b","c"]]'),
        "merge_escaped": model(vocabulary + b',"merges":[["\\u0061","\\u0062"]]'),
        "added_a_number": b'{"added_tokens":1}',
        "added_item_a_number": b'{"added_tokens":[1]}',
        "added_content_a_number": b'{"added_tokens":[{"content":1}]}',
        "added_without_content": b'{"added_tokens":[{"id":1,"lstrip":false}]}',
        "added_shown": b'{"added_tokens":[{"id":3,"content":"<|channel>","special":true}],"model":{'
                       + vocabulary + b',"merges":[]}}',
        "and_more": b'{"model":{"vocab":{},"merges":[]}} x',
    }
    return {"tokenizer_" + name: TOKENIZER + content for name, content in cases.items()}


def generations():
    cases = {
        "one_stop": b'{"eos_token_id":1,"suppress_tokens":[2,3],"top_k":5}',
        "stop_a_text": b'{"eos_token_id":"1"}',
        "stops_end_early": b'{"eos_token_id":[1',
        "stops_missing": b'{"eos_token_id":',
    }
    return {"generation_" + name: GENERATION + content for name, content in cases.items()}


# --- whole folders ---

def folders():
    text = {**NEEDED, "vocab_size": 262, "hidden_size": 4, "intermediate_size": 4, "head_dim": 4,
            "global_head_dim": 8, "tie_word_embeddings": True, "model_type": "gemma4_text",
            "layer_types": ["sliding_attention", "full_attention"]}
    tokens = ["<pad>", "<eos>", "<bos>", "▁", "a", "<turn|>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = {token: at for at, token in enumerate(tokens)}
    added = [{"id": at, "content": tokens[at], "special": True} for at in (0, 1, 2, 5)]
    tokenizer = {"added_tokens": added, "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}
    sizes = {"model.embed_tokens.weight": (262, 4), "model.norm.weight": (4,)}
    for layer, head in ((0, 4), (1, 8)):
        at = f"model.layers.{layer}."
        sizes.update({at + name + ".weight": (4,) for name in (
            "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
            "post_feedforward_layernorm")})
        sizes.update({at + "self_attn.q_proj.weight": (2 * head, 4), at + "self_attn.k_proj.weight": (head, 4),
                      at + "self_attn.v_proj.weight": (head, 4), at + "self_attn.o_proj.weight": (4, 2 * head),
                      at + "self_attn.q_norm.weight": (head,), at + "self_attn.k_norm.weight": (head,)})
        sizes.update({at + f"mlp.{name}_proj.weight": (4, 4) for name in ("gate", "up", "down")})
        sizes[at + "layer_scalar"] = (1,)

    def shard(sizes, dtype="BF16", width=2):
        header, at = {}, 0
        for name, shape in sizes.items():
            size = width
            for one in shape:
                size *= one
            header[name] = tensor(dtype, shape, at, at + size)
            at += size
        return safetensors(header, bytes(at))

    def folder(first, *parts):
        return bytes([first]) + b"\0".join(
            part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()
            for part in parts)

    small = {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}
    one = {"weight_map": {"x": "model.safetensors"}}
    scalar_only = shard({"model.norm.weight": (4,)})
    towers = {"text_config": NEEDED, "vision_config": {
        "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1,
        "patch_size": 16, "pooling_kernel_size": 3, "rms_norm_eps": 1e-06,
        "rope_parameters": {"rope_theta": 100.0}}, "audio_config": {
            "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1,
            "attention_context_left": 13, "residual_weight": 0.5, "hidden_act": "silu"}}
    ordering = {"masked_embedding.token_ordering": (2,)}
    drafter = {"model_type": "gemma4_assistant", "backbone_hidden_size": 8, "text_config": NEEDED}
    return {
        "whole": folder(0, text, tokenizer, b'{"top_k":3}', b"", shard(sizes)),
        "nothing": folder(0, b"", b"", b"", b"", b""),
        "config_only": folder(0, text, b"", b"", b"", b""),
        "config_broken": folder(0, b"{", b"", b"", b"", b""),
        "tokenizer_broken": folder(0, text, b"{", b"", b"", b""),
        "generation_broken": folder(0, text, small, b'{"top_k":1.5}', b"", scalar_only),
        "no_tensors": folder(0, text, small, b"", b"", b""),
        "by_its_file": folder(2, text, small, b"", b"", scalar_only),
        "index": folder(0, text, small, b"", {"weight_map": {"x": "more.safetensors"}}, scalar_only),
        "index_of_two": folder(2, text, small, b"", {
            "metadata": {}, "weight_map": {"x": "more.safetensors", "y": "model.safetensors"}}, scalar_only),
        "index_leads_out": folder(0, text, small, b"", {"weight_map": {"x": "../x"}}, b""),
        "index_to_nothing": folder(0, text, small, b"", {"weight_map": {"x": "gone"}}, b""),
        "index_names_nothing": folder(0, text, small, b"", {"weight_map": {}}, b""),
        "index_broken": folder(0, text, small, b"", {"weight_map": {"x": 1}}, b""),
        "index_a_list": folder(0, text, small, b"", {"weight_map": []}, b""),
        "index_of_one": folder(0, text, small, b"", one, b""),
        "tensors_of_texts": folder(0, text, small, b"", b"", shard({"model.norm.weight": (4,)}, "I8", 1)),
        "tensor_of_five": folder(0, text, small, b"", b"", shard({"model.norm.weight": (1,) * 5})),
        "tensor_of_none": folder(0, text, small, b"", b"", shard({"model.norm.weight": (0,)})),
        "values_against_config": folder(0, {**text, "attention_k_eq_v": True}, small, b"", b"", shard({
            "model.layers.1.self_attn.v_proj.weight": (8, 4)})),
        "ordering": folder(0, drafter, small, b"", b"", shard(ordering, "I64", 8)),
        "ordering_of_numbers": folder(0, drafter, small, b"", b"", shard(ordering, "F32", 4)),
        "towers": folder(1, towers, b"", b"", b"", shard({
            "model.embed_vision.embedding_projection.weight": (4, 4),
            "model.vision_tower.patch_embedder.position_embedding_table": (2, 2, 4),
            "model.vision_tower.encoder.layers.0.input_layernorm.weight": (4,),
            "model.audio_tower.layers.0.self_attn.per_dim_scale": (4,)})),
        "towers_of_a_text": folder(1, {"text_config": NEEDED}, b"", b"", b"", scalar_only),
    }


def towers():
    def parts(**changes):
        return dump({"vision_config": {"hidden_size": 4, **changes}})

    def dump(value):
        return json.dumps(value).encode()

    return {
        "real_a_text": parts(rms_norm_eps="1"),
        "rope_a_number": parts(rope_parameters=1),
        "rope_more": parts(rope_parameters={"rope_type": "default", "rope_theta": 100.0}),
        "rope_null": parts(rope_parameters=None),
        "part_null": dump({"vision_config": None, "audio_config": None}),
        "activation_unknown": parts(hidden_activation="relu"),
        "part_a_number": dump({"vision_config": 1}),
        "part_twice": b'{"vision_config":{},"vision_config":{}}',
        "name_of_a_projection": b"model.embed_vision.embedding_projection.weight",
        "name_of_sound": b"model.embed_audio.embedding_projection.weight",
        "name_of_a_layer": b"model.audio_tower.layers.1.norm_out.weight",
        "name_of_a_bound": b"model.vision_tower.encoder.layers.0.self_attn.q_proj.input_max",
        "name_of_nothing": b"model.vision_tower.encoder.layers.0.other",
    }


def corpora(_tests):
    return {"engine/load/corpus_hf_towers": towers(),
            "engine/load/corpus_safetensors": {**files(), **configurations(), **tokenizers(), **generations()},
            "engine/load/corpus_hf_folder": folders()}
