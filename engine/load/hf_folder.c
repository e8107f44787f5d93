/* The keys are made in memory as GGUF bytes and go through GGUF's own reader; the tensors are then
 * added with their places in the mapped shards. So there is one set of checks for what a model is,
 * whatever form it came in.
 *
 * The index of a model in several files names them; such a name is a plain name in the same
 * folder, never a path. A link there is followed: that is how Hugging Face's own cache keeps files.
 */
#include "load/hf_folder.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"

#include "load/file_map.h"
#include "load/gguf.h"
#include "load/gguf_file.h"
#include "load/gguf_keys.h"
#include "load/hf_config.h"
#include "load/hf_names.h"
#include "load/hf_tokenizer.h"
#include "load/hf_towers.h"
#include "load/json_reader.h"
#include "load/quant.h"
#include "load/safetensors_file.h"

enum {
    PATH_SIZE = 4096,
    SHARD_NAME_SIZE = 128,
    SHARDS_MAX = 256,
    VECTOR_MAX = 1 << 22, /* values of a tensor that is converted */
    TABLE_MAX = 1 << 25,  /* the same among the encoders: the table of positions */
    JSON_FILE_MAX = 256 << 20,
};

struct shard_name {
    char name[SHARD_NAME_SIZE];
};

struct hf_folder {
    char path[PATH_SIZE]; /* of the folder */
    struct err *err;
    bool towers; /* the encoders are wanted, not the text model */
    struct hf_config config;
    struct gguf_keys keys;
    struct shard_name *names;
    size_t shard_count, name_capacity;
    struct safetensors_file *shards[SHARDS_MAX];
    struct gguf_tensor *tensors;
    size_t tensor_count, tensor_capacity;
    size_t converted; /* values that must be converted to F32 */
};

static bool join(const struct hf_folder *folder, const char *name, char path[PATH_SIZE])
{
    int length = snprintf(path, PATH_SIZE, "%s/%s", folder->path, name);
    if (length < 0 || length >= PATH_SIZE) {
        return err_set(folder->err, ERR_LIMIT, "%s: the path of the folder is too long", name);
    }
    return true;
}

/* The folder of a path, and its last part. */
static bool divide(struct hf_folder *folder, const char *path, bool is_folder, const char **file)
{
    const char *slash = strrchr(path, '/');
    size_t length = is_folder ? strlen(path) : slash == NULL ? 0 : (size_t)(slash - path);
    while (is_folder && length > 1 && path[length - 1] == '/') {
        length--;
    }
    if (length >= PATH_SIZE) {
        return err_set(folder->err, ERR_LIMIT, "the path of the folder is longer than %d bytes",
                       PATH_SIZE);
    }
    memcpy(folder->path, path, length);
    folder->path[length] = '\0';
    if (!is_folder && length == 0) {
        snprintf(folder->path, PATH_SIZE, "%s", slash == NULL ? "." : "/");
    }
    *file = is_folder ? NULL : slash == NULL ? path : slash + 1;
    return true;
}

/* --- the JSON files --- */

static bool open_json(const struct hf_folder *folder, const char *name, struct file_map *map,
                      struct err *err)
{
    char path[PATH_SIZE];
    if (!join(folder, name, path) || !file_map_open(map, path, name, err)) {
        return false;
    }
    if (map->size > JSON_FILE_MAX) {
        err_set(err, ERR_LIMIT, "%s: %zu bytes, must be at most %d", name, map->size,
                JSON_FILE_MAX);
        file_map_close(map);
        return false;
    }
    return true;
}

/* What was read from it counts only when it did not change meanwhile. */
static bool close_json(const struct hf_folder *folder, const char *name, struct file_map *map,
                       bool ok)
{
    ok = file_map_check(map, name, folder->err) && ok;
    file_map_close(map);
    return ok;
}

static void write_name(struct hf_folder *folder)
{
    const char *slash = strrchr(folder->path, '/');
    const char *name = slash == NULL ? folder->path : slash + 1;
    char shown[GGUF_SHOWN];
    gguf_show(name, strlen(name), shown);
    gguf_keys_string(&folder->keys, "general.name", shown, strlen(shown));
}

static bool read_keys(struct hf_folder *folder)
{
    struct file_map map = {0};
    struct err absent = {0};
    gguf_keys_init(&folder->keys);
    write_name(folder);
    if (!open_json(folder, "config.json", &map, folder->err)) {
        return false;
    }
    bool ok = folder->towers
                  ? hf_towers_read(&folder->keys, "config.json", map.bytes, map.size, folder->err)
                  : hf_config_read(&folder->config, &folder->keys, "config.json", map.bytes,
                                   map.size, folder->err);
    ok = close_json(folder, "config.json", &map, ok);
    if (!ok || folder->towers) {
        return ok;
    }
    if (!open_json(folder, "tokenizer.json", &map, folder->err)) {
        return false;
    }
    ok = hf_tokenizer_read(&folder->keys, "tokenizer.json", map.bytes, map.size, folder->err);
    ok = close_json(folder, "tokenizer.json", &map, ok);
    if (ok && open_json(folder, "generation_config.json", &map, &absent)) {
        ok = hf_config_read_generation(&folder->keys, "generation_config.json", map.bytes, map.size,
                                       folder->err);
        ok = close_json(folder, "generation_config.json", &map, ok);
    }
    return ok;
}

/* --- which files --- */

static bool add_shard(struct hf_folder *folder, const char *name, size_t length)
{
    bool plain = length > 0 && length < SHARD_NAME_SIZE && name[0] != '.';
    for (size_t i = 0; plain && i < length; i++) {
        plain = name[i] > ' ' && name[i] < 0x7F && name[i] != '/';
        plain = plain && (name[i] != '.' || i + 1 == length || name[i + 1] != '.');
    }
    if (!plain) {
        char shown[GGUF_SHOWN];
        gguf_show(name, length, shown);
        return err_set(folder->err, ERR_FORMAT,
                       "model.safetensors.index.json: \"%.100s\" is no name of a file here", shown);
    }
    for (size_t i = 0; i < folder->shard_count; i++) {
        if (strlen(folder->names[i].name) == length &&
            memcmp(folder->names[i].name, name, length) == 0) {
            return true;
        }
    }
    if (folder->shard_count == SHARDS_MAX) {
        return err_set(folder->err, ERR_LIMIT, "model.safetensors.index.json: more than %d files",
                       SHARDS_MAX);
    }
    if (!vec_try_room(&folder->names, &folder->name_capacity, folder->shard_count + 1,
                      sizeof *folder->names)) {
        return err_set(folder->err, ERR_MEMORY, "no memory for the names of %zu files",
                       folder->shard_count + 1);
    }
    memcpy(folder->names[folder->shard_count].name, name, length);
    folder->names[folder->shard_count++].name[length] = '\0';
    return true;
}

static bool read_weight_map(struct hf_folder *folder, struct json_reader *json)
{
    struct json_reader_text key, text;
    if (!json_reader_enter(json, JSON_READER_OBJECT)) {
        return false;
    }
    while (json_reader_next_key(json, &key)) {
        if (!json_reader_string(json, &text) || !add_shard(folder, text.bytes, text.length)) {
            json->failed = true;
        }
    }
    return !json->failed;
}

static bool read_index(struct hf_folder *folder, const struct file_map *map)
{
    struct json_reader json;
    struct json_reader_text key;
    json_reader_init(&json, "model.safetensors.index.json", map->bytes, map->size, folder->err);
    json_reader_enter(&json, JSON_READER_OBJECT);
    while (json_reader_next_key(&json, &key)) {
        if (json_reader_text_is(&key, "weight_map")) {
            read_weight_map(folder, &json);
        } else {
            json_reader_skip(&json);
        }
    }
    bool ok = json_reader_end(&json) &&
              (folder->shard_count > 0 || json_reader_refuse(&json, "weight_map names no file"));
    json_reader_finish(&json);
    return ok;
}

/* A file that is no part of several is taken alone; else the index says which belong together. */
static bool find_shards(struct hf_folder *folder, const char *file)
{
    struct file_map map = {0};
    struct err absent = {0};
    char path[PATH_SIZE];
    bool alone = file != NULL && strstr(file, "-of-") == NULL;
    if (file == NULL) {
        if (!join(folder, "model.safetensors", path)) {
            return false;
        }
        alone = file_map_open(&map, path, "model.safetensors", &absent);
        file_map_close(&map);
    }
    if (alone) {
        file = file == NULL ? "model.safetensors" : file;
        return add_shard(folder, file, strlen(file));
    }
    if (!open_json(folder, "model.safetensors.index.json", &map, folder->err)) {
        return false;
    }
    bool ok = read_index(folder, &map);
    return close_json(folder, "model.safetensors.index.json", &map, ok);
}

/* --- tensors --- */

/* Token ids as 64-bit integers, which become F32: exact, as ids are below 2^24. */
static bool is_ordering(const struct gguf_tensor *tensor)
{
    return strcmp(tensor->name, "masked_embd_ordering") == 0;
}

static size_t stored_bytes(const struct gguf_tensor *tensor)
{
    return is_ordering(tensor) ? sizeof(int64_t)
                               : quant_format((uint32_t)tensor->type)->block_bytes;
}

/* F32 in every GGUF: vectors, scalars and routers. */
static bool is_converted(const struct hf_folder *folder, const struct gguf_tensor *tensor)
{
    if (folder->towers) {
        return hf_towers_is_float(tensor);
    }
    return tensor->dimension_count == 1 || is_ordering(tensor) ||
           strstr(tensor->name, ".ffn_gate_inp.weight") != NULL;
}

static bool add_tensor(struct hf_folder *folder, const struct safetensors_file *shard,
                       const struct safetensors_file_tensor *tensor)
{
    struct gguf_tensor made = {.ne = {1, 1, 1, 1}, .data = tensor->data, .bytes = tensor->bytes};
    if (!(folder->towers ? hf_towers_translate
                         : hf_names_translate)(tensor->name, tensor->name_length, made.name) ||
        (folder->config.tied && strcmp(made.name, "output.weight") == 0)) {
        return true;
    }
    bool ordering = is_ordering(&made);
    if (ordering ? strcmp(tensor->dtype, "I64") != 0 : tensor->quant_type < 0) {
        return err_set(folder->err, ERR_UNSUPPORTED, "%s: tensor %.*s is %s; only %s run",
                       safetensors_file_shown(shard), (int)tensor->name_length, tensor->name,
                       tensor->dtype, ordering ? "I64 is" : "F32, F16 and BF16 are");
    }
    if (tensor->rank > 4 || tensor->bytes == 0) {
        return err_set(folder->err, ERR_FORMAT,
                       "%s: tensor %.*s has %" PRIu32 " dimensions and %" PRIu64 " bytes",
                       safetensors_file_shown(shard), (int)tensor->name_length, tensor->name,
                       tensor->rank, tensor->bytes);
    }
    made.type = ordering ? QUANT_F32 : (enum quant_type)tensor->quant_type;
    made.dimension_count = tensor->rank == 0 ? 1 : tensor->rank;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        made.ne[i] = tensor->shape[tensor->rank - 1 - i];
    }
    if (is_converted(folder, &made)) {
        uint64_t values = tensor->bytes / stored_bytes(&made);
        if (values > (folder->towers ? TABLE_MAX : VECTOR_MAX)) {
            return err_set(folder->err, ERR_LIMIT, "%s: tensor %.*s has %" PRIu64 " values",
                           safetensors_file_shown(shard), (int)tensor->name_length, tensor->name,
                           values);
        }
        folder->converted += (size_t)values;
    }
    if (!vec_try_room(&folder->tensors, &folder->tensor_capacity, folder->tensor_count + 1,
                      sizeof *folder->tensors)) {
        return err_set(folder->err, ERR_MEMORY, "no memory for %zu tensors",
                       folder->tensor_count + 1);
    }
    folder->tensors[folder->tensor_count++] = made;
    return true;
}

static bool open_shards(struct hf_folder *folder)
{
    for (size_t i = 0; i < folder->shard_count; i++) {
        char path[PATH_SIZE];
        if (!join(folder, folder->names[i].name, path)) {
            return false;
        }
        struct safetensors_file *shard = safetensors_file_open(path, folder->err);
        folder->shards[i] = shard;
        if (shard == NULL) {
            return false;
        }
        for (size_t t = 0; t < safetensors_file_count(shard); t++) {
            if (!add_tensor(folder, shard, safetensors_file_at(shard, t))) {
                return false;
            }
        }
    }
    return true;
}

/* What is no id becomes -1. */
static void decode_ordering(const unsigned char *data, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++) {
        int64_t id;
        memcpy(&id, data + i * sizeof id, sizeof id);
        values[i] = id >= 0 && id < 1 << 24 ? (float)id : -1.0f;
    }
}

/* One block for all of them. */
static bool convert(struct hf_folder *folder, struct gguf *gguf)
{
    size_t used = 0;
    gguf->made_values = mem_try_alloc(folder->converted, sizeof(float));
    if (gguf->made_values == NULL) {
        return err_set(folder->err, ERR_MEMORY, "%s: no memory for %zu values",
                       gguf_shown_path(gguf), folder->converted);
    }
    gguf->made_bytes = folder->converted * sizeof *gguf->made_values;
    for (size_t i = 0; i < folder->tensor_count; i++) {
        struct gguf_tensor *tensor = &folder->tensors[i];
        if (!is_converted(folder, tensor)) {
            continue;
        }
        size_t values = (size_t)(tensor->bytes / stored_bytes(tensor));
        float *made = gguf->made_values + used;
        if (is_ordering(tensor)) {
            decode_ordering(tensor->data, values, made);
        } else {
            quant_format((uint32_t)tensor->type)->decode(tensor->data, values, made);
        }
        if (folder->towers) {
            hf_towers_convert(tensor, made, values);
        }
        used += values;
        tensor->type = QUANT_F32;
        tensor->data = (const unsigned char *)made;
        tensor->bytes = values * sizeof *made;
    }
    return true;
}

/* --- the whole --- */

static bool make_keys(struct hf_folder *folder, struct gguf *gguf)
{
    gguf->made_keys = gguf_keys_take(&folder->keys, &gguf->size);
    if (gguf->made_keys == NULL) {
        return err_set(folder->err, ERR_MEMORY, "%s: no memory for the keys",
                       gguf_shown_path(gguf));
    }
    gguf->bytes = gguf->made_keys;
    return gguf_file_read(gguf, folder->err);
}

/* What GGUF tells by a tensor's absence, the configuration says in words: they must agree. */
static bool check_values(const struct hf_folder *folder, const struct gguf *gguf)
{
    for (int32_t i = 0; i < folder->config.layer_count; i++) {
        char name[HF_NAMES_SIZE];
        snprintf(name, sizeof name, "blk.%" PRId32 ".attn_v.weight", i);
        bool has_value = gguf_tensor_find(gguf, name) != NULL;
        if (folder->config.makes_kv[i] && has_value == folder->config.expects_no_value[i]) {
            return err_set(folder->err, ERR_FORMAT, "%s: layer %" PRId32 " %s",
                           gguf_shown_path(gguf), i,
                           has_value ? "has a v_proj, against attention_k_eq_v"
                                     : "has no v_proj, and attention_k_eq_v is not set for it");
        }
    }
    return true;
}

static bool assemble(struct hf_folder *folder, struct gguf *gguf)
{
    if (!make_keys(folder, gguf) || !convert(folder, gguf) ||
        !gguf_add_maps(gguf, folder->shard_count, folder->err) ||
        !gguf_add_tensors(gguf, folder->tensors, folder->tensor_count, folder->err)) {
        return false;
    }
    for (size_t i = 0; i < folder->shard_count; i++) {
        safetensors_file_take_map(folder->shards[i], &gguf->maps[gguf->map_count++]);
    }
    return folder->towers || check_values(folder, gguf);
}

static void finish(struct hf_folder *folder)
{
    for (size_t i = 0; i < folder->shard_count; i++) {
        safetensors_file_close(folder->shards[i]);
    }
    gguf_keys_finish(&folder->keys);
    mem_free(folder->names);
    mem_free(folder->tensors);
    mem_free(folder);
}

static struct gguf *open_folder(const char *path, bool is_folder, bool towers, struct err *err)
{
    struct hf_folder *folder = mem_try_zero(1, sizeof *folder);
    struct gguf *gguf = folder == NULL ? NULL : gguf_create(path, err);
    const char *file = NULL;
    if (folder == NULL) {
        err_set(err, ERR_MEMORY, "no memory to open a folder");
        return NULL;
    }
    folder->err = err;
    folder->towers = towers;
    bool ok = gguf != NULL && divide(folder, path, is_folder, &file) && read_keys(folder) &&
              find_shards(folder, file) && open_shards(folder) && assemble(folder, gguf);
    finish(folder);
    if (!ok) {
        gguf_close(gguf);
        return NULL;
    }
    return gguf;
}

struct gguf *hf_folder_open(const char *path, bool is_folder, struct err *err)
{
    return open_folder(path, is_folder, false, err);
}

struct gguf *hf_folder_open_towers(const char *path, bool is_folder, struct err *err)
{
    return open_folder(path, is_folder, true, err);
}

bool hf_folder_has_towers(const char *path, bool is_folder)
{
    struct err ignored = {0};
    struct file_map map = {0};
    struct hf_folder *folder = mem_try_zero(1, sizeof *folder);
    const char *file;
    bool has = false;
    if (folder == NULL) {
        return false;
    }
    folder->err = &ignored;
    if (divide(folder, path, is_folder, &file) &&
        open_json(folder, "config.json", &map, &ignored)) {
        has = close_json(folder, "config.json", &map, hf_towers_named(map.bytes, map.size));
    }
    mem_free(folder);
    return has;
}
