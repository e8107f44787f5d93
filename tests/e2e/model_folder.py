"""A model as Hugging Face has it, made of GGUF files: the same values under the published names, as float32.

Written from what is known of the published checkpoints, apart from what carat reads them with, so that a slip shows.
"""
import array
import json
import math
import os
import struct

LAYER = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
         "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "post_ffw_norm": "post_feedforward_layernorm",
         "inp_gate": "per_layer_input_gate", "proj": "per_layer_projection", "post_norm": "post_per_layer_input_norm"}
MODEL = {"token_embd": "embed_tokens", "per_layer_token_embd": "embed_tokens_per_layer", "output_norm": "norm",
         "per_layer_model_proj": "per_layer_model_projection", "per_layer_proj_norm": "per_layer_projection_norm"}
VISION = {"ln1": "input_layernorm", "ln2": "pre_feedforward_layernorm", "attn_post_norm": "post_attention_layernorm",
          "ffn_post_norm": "post_feedforward_layernorm", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
          "attn_q": "self_attn.q_proj.linear", "attn_k": "self_attn.k_proj.linear", "attn_v": "self_attn.v_proj.linear",
          "attn_out": "self_attn.o_proj.linear", "ffn_gate": "mlp.gate_proj.linear", "ffn_up": "mlp.up_proj.linear",
          "ffn_down": "mlp.down_proj.linear"}
AUDIO = {"ffn_norm": "feed_forward1.pre_layer_norm", "ffn_post_norm": "feed_forward1.post_layer_norm",
         "ffn_norm_1": "feed_forward2.pre_layer_norm", "ffn_post_norm_1": "feed_forward2.post_layer_norm",
         "attn_pre_norm": "norm_pre_attn", "attn_post_norm": "norm_post_attn", "ln2": "norm_out",
         "attn_k_rel": "self_attn.relative_k_proj", "per_dim_scale": "self_attn.per_dim_scale",
         "conv_norm": "lconv1d.pre_layer_norm", "norm_conv": "lconv1d.conv_norm", "conv_dw": "lconv1d.depthwise_conv1d",
         "ffn_up": "feed_forward1.ffw_layer_1.linear", "ffn_down": "feed_forward1.ffw_layer_2.linear",
         "ffn_up_1": "feed_forward2.ffw_layer_1.linear", "ffn_down_1": "feed_forward2.ffw_layer_2.linear",
         "attn_q": "self_attn.q_proj.linear", "attn_k": "self_attn.k_proj.linear", "attn_v": "self_attn.v_proj.linear",
         "attn_out": "self_attn.post.linear", "conv_pw1": "lconv1d.linear_start.linear", "conv_pw2": "lconv1d.linear_end.linear"}
TOWERS = {"v.patch_embd.weight": "model.vision_tower.patch_embedder.input_proj.weight",
          "v.position_embd.weight": "model.vision_tower.patch_embedder.position_embedding_table",
          "v.std_bias": "model.vision_tower.std_bias", "v.std_scale": "model.vision_tower.std_scale",
          "mm.input_projection.weight": "model.embed_vision.embedding_projection.weight",
          "a.conv1d.0.weight": "model.audio_tower.subsample_conv_projection.layer0.conv.weight",
          "a.conv1d.0.norm.weight": "model.audio_tower.subsample_conv_projection.layer0.norm.weight",
          "a.conv1d.1.weight": "model.audio_tower.subsample_conv_projection.layer1.conv.weight",
          "a.conv1d.1.norm.weight": "model.audio_tower.subsample_conv_projection.layer1.norm.weight",
          "a.input_projection.weight": "model.audio_tower.subsample_conv_projection.input_proj_linear.weight",
          "a.pre_encode.out.weight": "model.audio_tower.output_proj.weight",
          "a.pre_encode.out.bias": "model.audio_tower.output_proj.bias",
          "mm.a.input_projection.weight": "model.embed_audio.embedding_projection.weight"}
SIZES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class Gguf:
    """The keys, and the tensors as (name, shape, values)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.at = 8
        tensors, keys = self.take("<QQ")
        self.keys = {self.string(): self.value(self.take("<I")[0]) for _ in range(keys)}
        self.heads = []
        for _ in range(tensors):
            name, (rank,) = self.string(), self.take("<I")
            self.heads.append((name, self.take(f"<{rank}Q"), *self.take("<IQ")))
        self.data = -(-self.at // 32) * 32

    def take(self, form):
        found = struct.unpack_from(form, self.bytes, self.at)
        self.at += struct.calcsize(form)
        return found

    def string(self):
        (length,) = self.take("<Q")
        self.at += length
        return self.bytes[self.at - length:self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            kind, count = self.take("<IQ")
            return [self.value(kind) for _ in range(count)]
        return self.take("<" + SIZES[kind])[0]

    def tensors(self):
        for name, shape, kind, offset in self.heads:
            count, at = math.prod(shape), self.data + offset
            if kind == 8:  # blocks of 32 whole numbers and a scale
                values = array.array("f")
                for scale, *numbers in struct.iter_unpack("<e32b", self.bytes[at:at + count // 32 * 34]):
                    values.extend([scale * number for number in numbers])
            elif kind == 30:  # the upper halves of float32
                halves = struct.unpack_from(f"<{count}H", self.bytes, at)
                values = array.array("f", struct.pack(f"<{count}I", *(half << 16 for half in halves)))
            else:
                values = array.array("f", struct.unpack_from(f"<{count}" + {0: "f", 1: "e"}[kind], self.bytes, at))
            yield name, list(shape[::-1]), values


def text_name(name):
    parts = name.split(".")
    if parts[0] == "blk":
        role = "layer_scalar" if parts[2] == "layer_output_scale" else LAYER[parts[2]] + ".weight"
        return f"model.language_model.layers.{parts[1]}.{role}"
    return f"model.language_model.{MODEL[parts[0]]}.weight"


def tower_name(name):
    if name in TOWERS:
        return TOWERS[name]
    side, _, layer, role, *end = name.split(".")
    theirs, folder = (VISION, "vision_tower.encoder") if side == "v" else (AUDIO, "audio_tower")
    path = f"model.{folder}.layers.{layer}.{theirs[role]}"
    if end[0] in ("input_min", "input_max", "output_min", "output_max"):  # these stand beside the matrix of a product
        return path.removesuffix(".linear") + "." + end[0]
    return path if role == "per_dim_scale" else f"{path}.{end[0]}"


def tower(name, shape, values):
    """What a GGUF file has changed is changed back."""
    if name.endswith("per_dim_scale.weight"):  # there it has passed softplus
        return shape, array.array("f", [math.log(math.expm1(value)) for value in values])
    if name == "v.patch_embd.weight":  # channels stand behind pixels here
        rows = len(values) // 768
        return [rows, 768], array.array("f", [values[row * 768 + i % 3 * 256 + i // 3] for row in range(rows) for i in range(768)])
    if ".conv_dw." in name:
        return [shape[-2], 1, 5], values
    return ([] if "put_m" in name else shape), values


def write_tensors(path, tensors):
    header, at = {}, 0
    for name, shape, values in tensors:
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * len(values)]}
        at += 4 * len(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, values in tensors:
            values.tofile(file)


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w") as file:
        json.dump(value, file)


def text_config(keys):
    get = lambda name: keys["gemma4." + name]
    return {"model_type": "gemma4_text", "vocab_size": len(keys["tokenizer.ggml.tokens"]), "hidden_size": get("embedding_length"),
            "intermediate_size": get("feed_forward_length")[0], "num_hidden_layers": get("block_count"),
            "num_attention_heads": get("attention.head_count"), "num_key_value_heads": get("attention.head_count_kv"),
            "head_dim": get("attention.key_length_swa"), "global_head_dim": get("attention.key_length"),
            "max_position_embeddings": get("context_length"), "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
            "sliding_window": get("attention.sliding_window"), "hidden_activation": "gelu_pytorch_tanh",
            "layer_types": ["sliding_attention" if sliding else "full_attention" for sliding in get("attention.sliding_window_pattern")],
            "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": get("rope.freq_base_swa")},
                                "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25,
                                                   "rope_theta": get("rope.freq_base")}},
            "final_logit_softcapping": get("final_logit_softcapping"), "num_kv_shared_layers": get("attention.shared_kv_layers"),
            "hidden_size_per_layer_input": get("embedding_length_per_layer_input"),
            "vocab_size_per_layer_input": len(keys["tokenizer.ggml.tokens"]),
            "use_double_wide_mlp": len(set(get("feed_forward_length"))) == 2}


def towers_config(keys):
    get = lambda name: keys["clip." + name]
    return {"vision_config": {"model_type": "gemma4_vision", "hidden_size": get("vision.embedding_length"),
                              "intermediate_size": get("vision.feed_forward_length"), "num_hidden_layers": get("vision.block_count"),
                              "num_attention_heads": get("vision.attention.head_count"), "patch_size": 16, "pooling_kernel_size": 3,
                              "rms_norm_eps": 1e-6, "rope_parameters": {"rope_theta": 100.0}},
            "audio_config": {"model_type": "gemma4_audio", "hidden_size": get("audio.embedding_length"),
                             "num_hidden_layers": get("audio.block_count"), "num_attention_heads": get("audio.attention.head_count"),
                             "attention_context_left": 13, "residual_weight": 0.5, "hidden_act": "silu"}}


def make(folder, model, mmproj=None):
    """Writes the text model into the folder, and the encoders beside it when there are some."""
    os.mkdir(folder)
    text = Gguf(model)
    shards = {"model-00001-of-00002.safetensors": [(text_name(name), shape, values) for name, shape, values in text.tensors()
                                                   if name != "rope_freqs.weight"]}
    config = {"model_type": "gemma4", "tie_word_embeddings": True, "text_config": text_config(text.keys)}
    if mmproj is not None:
        encoders = Gguf(mmproj)
        config.update(towers_config(encoders.keys))
        shards["model-00002-of-00002.safetensors"] = [(tower_name(name), *tower(name, shape, values))
                                                      for name, shape, values in encoders.tensors()]
    for name, tensors in shards.items():
        write_tensors(os.path.join(folder, name), tensors)
    write_json(folder, "model.safetensors.index.json",
               {"weight_map": {tensor[0]: name for name, tensors in shards.items() for tensor in tensors}})
    write_json(folder, "config.json", config)
    get = lambda name: text.keys["tokenizer.ggml." + name]
    special = [{"id": id, "content": token, "special": True, "normalized": False, "single_word": False, "lstrip": False, "rstrip": False}
               for id, (token, kind) in enumerate(zip(get("tokens"), get("token_type"))) if kind == 3]
    write_json(folder, "tokenizer.json", {"added_tokens": special, "model": {"type": "BPE", "merges": get("merges"),
               "vocab": {token: id for id, token in enumerate(get("tokens"))}}})
    write_json(folder, "generation_config.json", {"bos_token_id": 2, "eos_token_id": [1, 106, 50], "pad_token_id": 0,
               "do_sample": True, "temperature": 0.0, "top_k": 1, "top_p": 1.0})
