/* A tensor is one row of values, cut into pieces of 65,536: a multiple of every block, and no block
 * crosses a row because rows are multiples of theirs. A batch of pieces is decoded, checked and
 * encoded by the workers into one buffer, each into its own place, and then written: what the file
 * holds does not depend on who did which.
 */
#include "convert.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "compute/workers.h"
#include "load/file_map.h"
#include "load/gguf.h"
#include "load/gguf_file.h"
#include "load/gguf_head.h"
#include "load/hparams.h"
#include "load/mix.h"
#include "load/model_file.h"
#include "load/quantise.h"
#include "load/weights.h"

enum {
    PIECE = 65536, /* values */
    BATCH = 32,    /* pieces */
    TEMPLATE_MAX = 1 << 20,
    FACTORS_MAX = 512, /* pairs of a head of 1024 */
};

struct conversion {
    const struct convert_options *options;
    const struct mix *mix;
    struct gguf *model;
    struct hparams hparams;
    struct weights weights;
    struct gguf_tensor *sources, *targets;
    size_t count;
    uint64_t *offsets;
    float factors[FACTORS_MAX]; /* of RoPE, for models that come without */
    struct gguf_head head;
    struct workers *workers;
    float *values;        /* [workers][PIECE] */
    unsigned char *batch; /* BATCH pieces of the widest type */
    uint64_t done, total;
    int fd;
    char temporary[PATH_MAX];
    struct err *err;
};

/* --- what is to be made --- */

/* Full layers turn only the first pairs: the others' angles are divided by 1e30. Our loader knows,
 * other readers take it from this tensor. */
static bool make_factors(struct conversion *c, struct gguf_tensor *made)
{
    const struct hparams *hp = &c->hparams;
    int32_t pairs = 0;
    for (int32_t i = 0; i < hp->num_hidden_layers; i++) {
        pairs = hp->layers[i].sliding ? pairs : hp->layers[i].head_dim / 2;
    }
    if (pairs == 0 || pairs > FACTORS_MAX ||
        gguf_tensor_find(c->model, "rope_freqs.weight") != NULL) {
        return false;
    }
    for (int32_t i = 0; i < pairs; i++) {
        c->factors[i] = i < hp->rope_rotating_pairs_full ? 1.0f : 1e30f;
    }
    *made = (struct gguf_tensor){.name = "rope_freqs.weight",
                                 .type = QUANT_F32,
                                 .dimension_count = 1,
                                 .ne = {(uint64_t)pairs, 1, 1, 1},
                                 .data = (const unsigned char *)c->factors,
                                 .bytes = (uint64_t)pairs * sizeof(float)};
    return true;
}

static uint64_t value_count(const struct gguf_tensor *tensor)
{
    const struct quant_format *format = quant_format((uint32_t)tensor->type);
    return tensor->bytes / format->block_bytes * format->block_values;
}

static bool plan_tensors(struct conversion *c)
{
    size_t count = gguf_tensor_count(c->model);
    c->sources = mem_try_zero(count + 1, sizeof *c->sources);
    c->targets = mem_try_zero(count + 1, sizeof *c->targets);
    c->offsets = mem_try_zero(count + 1, sizeof *c->offsets);
    if (c->sources == NULL || c->targets == NULL || c->offsets == NULL) {
        return err_set(c->err, ERR_MEMORY, "no memory for the descriptions of %zu tensors", count);
    }
    for (size_t i = 0; i < count; i++) {
        c->sources[i] = *gguf_tensor_at(c->model, i);
    }
    c->count = count + (make_factors(c, &c->sources[count]) ? 1 : 0);
    for (size_t i = 0; i < c->count; i++) {
        struct gguf_tensor *target = &c->targets[i];
        *target = c->sources[i];
        target->type = mix_type(c->mix, &c->sources[i], c->hparams.num_hidden_layers);
        const struct quant_format *format = quant_format((uint32_t)target->type);
        target->bytes = value_count(&c->sources[i]) / format->block_values * format->block_bytes;
        c->total += c->sources[i].bytes;
    }
    return true;
}

/* A folder keeps the template of chats in a file of its own; a model without one is fine. */
static bool read_template(const struct conversion *c, struct str *text)
{
    char path[PATH_MAX];
    struct stat status;
    struct err absent = {0};
    const char *input = c->options->input, *slash = strrchr(input, '/');
    bool folder = stat(input, &status) == 0 && S_ISDIR(status.st_mode);
    int length = folder ? (int)strlen(input) : slash == NULL ? 1 : (int)(slash - input);
    if (c->model->made_keys == NULL) {
        return true;
    }
    if (snprintf(path, sizeof path, "%.*s/chat_template.jinja", length,
                 folder || slash != NULL ? input : ".") >= (int)sizeof path) {
        return err_set(c->err, ERR_LIMIT, "the path of the folder is too long");
    }
    if (file_read(path, TEMPLATE_MAX, text, &absent) || absent.code == ERR_NOT_FOUND) {
        return true;
    }
    return err_set(c->err, absent.code, "%s", absent.text);
}

static bool make_head(struct conversion *c)
{
    struct str text;
    str_init(&text);
    bool ok = read_template(c, &text) &&
              gguf_head_make(&c->head,
                             &(struct gguf_head_options){
                                 .model = c->model,
                                 .hparams = &c->hparams,
                                 .file_type = mix_file_type(c->mix),
                                 .chat_template = text.length > 0 ? text.data : NULL,
                                 .chat_template_length = text.length,
                                 .tensors = c->targets,
                                 .tensor_count = c->count,
                             },
                             c->offsets, c->err);
    str_finish(&text);
    return ok;
}

static bool open_source(struct conversion *c)
{
    c->mix = mix_find(c->options->mix);
    if (c->mix == NULL) {
        return err_set(c->err, ERR_ARGUMENT, "there is no type %s", c->options->mix);
    }
    c->model = model_file_open(c->options->input, c->err);
    return c->model != NULL && hparams_read(&c->hparams, c->model, c->err) &&
           weights_bind(&c->weights, &c->hparams, c->model, c->err) && plan_tensors(c) &&
           make_head(c);
}

/* --- where it goes --- */

/* Is this a file that the model is mapped from, whatever name it has here? */
static bool is_source(const struct conversion *c, const struct stat *output)
{
    for (size_t i = 0; i < c->model->map_count; i++) {
        const struct file_map *map = &c->model->maps[i];
        if (map->device == (uint64_t)output->st_dev && map->inode == (uint64_t)output->st_ino) {
            return true;
        }
    }
    return false;
}

static bool check_output(const struct conversion *c)
{
    const char *path = c->options->output;
    struct stat status;
    char magic[4] = "";
    if (stat(path, &status) != 0) {
        return errno == ENOENT || err_errno(c->err, ERR_IO, "%s", path);
    }
    if (is_source(c, &status)) {
        return err_set(c->err, ERR_ARGUMENT, "%s is a file of the model itself", path);
    }
    int fd = S_ISREG(status.st_mode) ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
    bool replaceable = fd >= 0 && read(fd, magic, 4) == 4 && memcmp(magic, "GGUF", 4) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return replaceable ||
           err_set(c->err, ERR_ARGUMENT, "%s exists and is no GGUF file; it stays as it is", path);
}

/* The folder of the output, for statvfs and fsync. */
static bool output_folder(const struct conversion *c, char folder[PATH_MAX])
{
    const char *path = c->options->output, *slash = strrchr(path, '/');
    int length = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    return snprintf(folder, PATH_MAX, "%.*s", length, slash == NULL ? "." : path) < PATH_MAX ||
           err_set(c->err, ERR_ARGUMENT, "path too long: %s", path);
}

static bool check_room(const struct conversion *c)
{
    char folder[PATH_MAX];
    struct statvfs disk;
    if (!output_folder(c, folder)) {
        return false;
    }
    if (statvfs(folder, &disk) != 0) {
        return err_errno(c->err, ERR_IO, "asking for the room in %s", folder);
    }
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    return room >= c->head.file_bytes ||
           err_set(c->err, ERR_FULL,
                   "%s: the file takes %" PRIu64 " bytes, the disk has room for %" PRIu64, folder,
                   c->head.file_bytes, room);
}

/* --- the data --- */

struct batch {
    struct conversion *c;
    const struct gguf_tensor *source, *target;
    uint64_t first;    /* value */
    uint64_t count;    /* values */
    size_t bad[BATCH]; /* of each piece: the first value that is not taken, or its count */
    float worst[BATCH];
};

static size_t piece_values(const struct batch *batch, size_t piece)
{
    uint64_t left = batch->count - (uint64_t)piece * PIECE;
    return left < PIECE ? (size_t)left : PIECE;
}

static void convert_piece(void *context, size_t piece, int worker)
{
    struct batch *batch = context;
    const struct quant_format *from = quant_format((uint32_t)batch->source->type);
    const struct quant_format *to = quant_format((uint32_t)batch->target->type);
    float *values = batch->c->values + (size_t)worker * PIECE;
    size_t count = piece_values(batch, piece);
    uint64_t first = batch->first + (uint64_t)piece * PIECE;
    const unsigned char *data =
        batch->source->data + first / from->block_values * from->block_bytes;
    unsigned char *made = batch->c->batch + piece * (PIECE / to->block_values) * to->block_bytes;
    from->decode(data, count / from->block_values, values);
    /* A type that stays is copied bit for bit, but looked at all the same. */
    bool same = from->type == to->type;
    batch->bad[piece] = quantise_find_bad(same ? QUANT_F32 : to->type, values, count);
    if (batch->bad[piece] < count) {
        batch->worst[piece] = values[batch->bad[piece]];
    } else if (same) {
        memcpy(made, data, count / from->block_values * from->block_bytes);
    } else {
        quantise_blocks(to->type, values, count / to->block_values, made);
    }
}

static bool write_all(const struct conversion *c, const void *bytes, size_t size, uint64_t at)
{
    const unsigned char *next = bytes;
    while (size > 0) {
        ssize_t written = pwrite(c->fd, next, size, (off_t)at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return err_errno(c->err, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO,
                             "writing %s", c->options->output);
        }
        next += written;
        size -= (size_t)written;
        at += (uint64_t)written;
    }
    return true;
}

static bool check_pieces(const struct batch *batch, size_t pieces)
{
    for (size_t i = 0; i < pieces; i++) {
        if (batch->bad[i] < piece_values(batch, i)) {
            return err_set(batch->c->err, ERR_FORMAT,
                           "tensor %s: value %" PRIu64 " is %g, which %s does not take",
                           batch->target->name, batch->first + (uint64_t)i * PIECE + batch->bad[i],
                           (double)batch->worst[i],
                           quant_format((uint32_t)batch->target->type)->name);
        }
    }
    return true;
}

static bool convert_tensor(struct conversion *c, size_t index)
{
    struct batch batch = {.c = c, .source = &c->sources[index], .target = &c->targets[index]};
    const struct quant_format *from = quant_format((uint32_t)batch.source->type);
    const struct quant_format *to = quant_format((uint32_t)batch.target->type);
    uint64_t total = value_count(batch.source);
    uint64_t at = c->head.size + c->offsets[index];
    for (uint64_t first = 0; first < total; first += batch.count) {
        uint64_t left = total - first, most = (uint64_t)PIECE * BATCH;
        batch.first = first;
        batch.count = left < most ? left : most;
        size_t pieces = (size_t)((batch.count + PIECE - 1) / PIECE);
        if (!workers_run(c->workers, convert_piece, &batch, pieces, c->options->cancel)) {
            return err_set(c->err, ERR_CANCELLED, "stopped; nothing was written to %s",
                           c->options->output);
        }
        size_t bytes = (size_t)(batch.count / to->block_values * to->block_bytes);
        if (!check_pieces(&batch, pieces) || !write_all(c, c->batch, bytes, at)) {
            return false;
        }
        at += bytes;
        c->done += batch.count / from->block_values * from->block_bytes;
        if (c->options->progress != NULL) {
            c->options->progress(c->options->context, c->done, c->total);
        }
    }
    return true;
}

static bool write_file(struct conversion *c)
{
    if (ftruncate(c->fd, (off_t)c->head.file_bytes) != 0) {
        return err_errno(c->err, ERR_IO, "writing %s", c->options->output);
    }
    if (!write_all(c, c->head.bytes, c->head.size, 0)) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (!convert_tensor(c, i)) {
            return false;
        }
    }
    return fchmod(c->fd, 0644) == 0 && fsync(c->fd) == 0
               ? true
               : err_errno(c->err, ERR_IO, "writing %s", c->options->output);
}

/* --- the whole --- */

/* Nobody gets a file that our own loader would refuse. */
static bool read_back(struct conversion *c)
{
    struct gguf *made = model_file_open(c->temporary, c->err);
    bool ok = made != NULL && hparams_read(&c->hparams, made, c->err) &&
              weights_bind(&c->weights, &c->hparams, made, c->err);
    gguf_close(made);
    return ok;
}

static bool put_in_place(struct conversion *c)
{
    char folder[PATH_MAX];
    if (c->options->cancel != NULL && atomic_load(c->options->cancel)) {
        return err_set(c->err, ERR_CANCELLED, "stopped; nothing was written to %s",
                       c->options->output);
    }
    if (!output_folder(c, folder)) {
        return false;
    }
    if (rename(c->temporary, c->options->output) != 0) {
        return err_errno(c->err, ERR_IO, "renaming to %s", c->options->output);
    }
    c->temporary[0] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    ok = ok || err_errno(c->err, ERR_IO, "syncing %s", folder);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool make_room(struct conversion *c)
{
    c->workers = workers_create(c->options->threads, c->err);
    if (c->workers == NULL) {
        return false;
    }
    c->values = mem_try_alloc((size_t)workers_count(c->workers) * PIECE, sizeof *c->values);
    c->batch = mem_try_alloc((size_t)BATCH * PIECE, sizeof(float));
    return (c->values != NULL && c->batch != NULL) ||
           err_set(c->err, ERR_MEMORY, "no memory to convert in");
}

static bool create_file(struct conversion *c)
{
    if (!file_may_replace(c->options->output)) {
        return err_set(c->err, ERR_ARGUMENT, "%s is no regular file", c->options->output);
    }
    if (snprintf(c->temporary, sizeof c->temporary, "%s.XXXXXX", c->options->output) >=
        (int)sizeof c->temporary) {
        c->temporary[0] = '\0';
        return err_set(c->err, ERR_ARGUMENT, "path too long: %s", c->options->output);
    }
    c->fd = mkostemp(c->temporary, O_CLOEXEC);
    if (c->fd < 0) {
        c->temporary[0] = '\0';
        return err_errno(c->err, ERR_IO, "creating a file beside %s", c->options->output);
    }
    return true;
}

static void describe(const struct conversion *c, struct convert_result *result)
{
    *result = (struct convert_result){
        .input_bytes = c->total, .output_bytes = c->head.file_bytes, .tensor_count = c->count};
    for (size_t i = 0; i < c->count; i++) {
        size_t t = 0;
        while (result->types[t].tensors > 0 && result->types[t].type != c->targets[i].type) {
            t++; /* fewer types than places */
        }
        result->types[t].type = c->targets[i].type;
        result->types[t].tensors++;
    }
}

static void finish(struct conversion *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    if (c->temporary[0] != '\0') {
        unlink(c->temporary);
    }
    workers_destroy(c->workers);
    mem_free(c->values);
    mem_free(c->batch);
    mem_free(c->head.bytes);
    mem_free(c->sources);
    mem_free(c->targets);
    mem_free(c->offsets);
    gguf_close(c->model);
    mem_free(c);
}

bool convert_model(const struct convert_options *options, struct convert_result *result,
                   struct err *err)
{
    struct conversion *c = mem_try_zero(1, sizeof *c);
    if (c == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to convert in");
    }
    c->options = options;
    c->err = err;
    c->fd = -1;
    bool ok = open_source(c) && check_output(c) && check_room(c) && make_room(c) &&
              create_file(c) && write_file(c) && read_back(c) && put_in_place(c);
    if (ok) {
        describe(c, result);
    }
    finish(c);
    return ok;
}
