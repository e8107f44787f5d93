/* Every part is checked as a file of its own first; then that it says to be the part that its name
 * says, of as many, and at the end that all tensors are there that the first part announces. The
 * map of a part is taken over, its keys are not looked at.
 */
#include "load/gguf_split.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#include "load/file_map.h"
#include "load/gguf.h"
#include "load/gguf_file.h"

enum {
    PARTS_MAX = 1024,
    NUMBERS_BYTES = 20, /* "-00001-of-00003.gguf" */
    NUMBERS_ROOM = 64,
};

struct split {
    int64_t number, count;
};

static bool read_split(const struct gguf *gguf, struct split *split, struct err *err)
{
    if (!gguf_integer(gguf, "split.count", &split->count, err) ||
        !gguf_integer(gguf, "split.no", &split->number, err)) {
        return false;
    }
    if (split->count < 1 || split->count > PARTS_MAX || split->number < 0 ||
        split->number >= split->count) {
        return err_set(err, ERR_LIMIT,
                       "%s: part %" PRId64 " of %" PRId64 " cannot be (split.no, split.count)",
                       gguf_shown_path(gguf), split->number, split->count);
    }
    return true;
}

/* The stem of a first part's path, without its numbers. */
static bool find_stem(const struct gguf *first, int64_t count, size_t *stem, struct err *err)
{
    const char *path = gguf_path(first);
    size_t length = strlen(path);
    char numbers[64];
    snprintf(numbers, sizeof numbers, "-00001-of-%05" PRId64 ".gguf", count);
    if (length <= NUMBERS_BYTES || strcmp(path + length - NUMBERS_BYTES, numbers) != 0) {
        return err_set(err, ERR_FORMAT,
                       "%s: the first of %" PRId64 " parts; its name must end in %s",
                       gguf_shown_path(first), count, numbers);
    }
    *stem = length - NUMBERS_BYTES;
    return true;
}

static bool add_part(struct gguf *first, struct gguf *part, const struct split *expected,
                     struct err *err)
{
    struct split found;
    if (!read_split(part, &found, err)) {
        return false;
    }
    if (found.number != expected->number || found.count != expected->count) {
        return err_set(err, ERR_FORMAT,
                       "%s: says to be part %" PRId64 " of %" PRId64 ", not %" PRId64
                       " of %" PRId64,
                       gguf_shown_path(part), found.number + 1, found.count, expected->number + 1,
                       expected->count);
    }
    if (!gguf_add_tensors(first, part->tensors, part->tensor_index.count, err)) {
        return false;
    }
    first->maps[first->map_count++] = part->maps[0];
    part->map_count = 0;
    return true;
}

static bool check_total(const struct gguf *first, struct err *err)
{
    int64_t total;
    if (!gguf_integer(first, "split.tensors.count", &total, err)) {
        return false;
    }
    if (total < 0 || (uint64_t)total != gguf_tensor_count(first)) {
        return err_set(err, ERR_FORMAT,
                       "%s: the parts have %zu tensors, the key split.tensors.count says %" PRId64,
                       gguf_shown_path(first), gguf_tensor_count(first), total);
    }
    return true;
}

bool gguf_split_join(struct gguf *first, struct err *err)
{
    struct split split;
    size_t stem = 0;
    if (!gguf_has(first, "split.count")) {
        return true;
    }
    if (!read_split(first, &split, err)) {
        return false;
    }
    if (split.count == 1) {
        return true;
    }
    if (split.number != 0) {
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: part %" PRId64 " of %" PRId64 "; open the first part instead",
                       gguf_shown_path(first), split.number + 1, split.count);
    }
    if (!find_stem(first, split.count, &stem, err) ||
        !gguf_add_maps(first, (size_t)split.count - 1, err)) {
        return false;
    }
    char *path = mem_try_alloc(stem + NUMBERS_ROOM, 1);
    bool ok = path != NULL;
    if (!ok) {
        err_set(err, ERR_MEMORY, "%s: no memory for the other parts", gguf_shown_path(first));
    }
    for (int64_t i = 1; ok && i < split.count; i++) {
        memcpy(path, gguf_path(first), stem);
        snprintf(path + stem, NUMBERS_ROOM, "-%05" PRId64 "-of-%05" PRId64 ".gguf", i + 1,
                 split.count);
        struct gguf *part = gguf_open(path, err);
        struct split expected = {.number = i, .count = split.count};
        ok = part != NULL && add_part(first, part, &expected, err);
        gguf_close(part);
    }
    mem_free(path);
    return ok && check_total(first, err);
}
