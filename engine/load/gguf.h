/* gguf: a reader of GGUF versions 2 and 3 that trusts nothing.
 *
 * The file is mapped read-only; keys and tensor descriptions are checked completely at open and
 * then only looked up. Everything is a view into the mapping. Each error names the file, the key or
 * tensor, and the offset. The list of checks is in gguf_file.c's head; the meaning of the keys is
 * hparams' business. Owned by the model; read-only after open, so any thread may look things up.
 */
#ifndef CARAT_LOAD_GGUF_H
#define CARAT_LOAD_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/quant.h"

struct err;
struct gguf;

enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
};

struct gguf_text {
    const char *bytes; /* not NUL-terminated */
    size_t length;
};

struct gguf_array {
    enum gguf_type type;
    uint64_t count;
    uint64_t bytes;            /* that the elements take in the file */
    const unsigned char *data; /* elements as in the file, unaligned; strings: gguf_array_text */
};

struct gguf_tensor {
    char name[64];
    enum quant_type type;
    uint32_t dimension_count; /* 1..4 */
    uint64_t ne[4];           /* ne[0] is contiguous; unused ones are 1 */
    const unsigned char *data;
    uint64_t bytes;
};

/* Opens and checks the container. */
struct gguf *gguf_open(const char *path, struct err *err);
/* The same over bytes in memory (tests, fuzzing); they must outlive the gguf. */
struct gguf *gguf_open_bytes(const char *name, const void *data, size_t size, struct err *err);
void gguf_close(struct gguf *gguf);

const char *gguf_path(const struct gguf *gguf);
/* The end of the path in a form that may be printed: what error messages begin with. */
const char *gguf_shown_path(const struct gguf *gguf);
uint64_t gguf_file_bytes(const struct gguf *gguf);
bool gguf_has(const struct gguf *gguf, const char *key);

/* Typed look-ups: false with ERR_NOT_FOUND when the key is missing, ERR_FORMAT when it has another
 * type or its value does not fit. gguf_integer accepts every integer type. */
bool gguf_integer(const struct gguf *gguf, const char *key, int64_t *value, struct err *err);
bool gguf_real(const struct gguf *gguf, const char *key, double *value, struct err *err);
bool gguf_bool(const struct gguf *gguf, const char *key, bool *value, struct err *err);
bool gguf_string(const struct gguf *gguf, const char *key, struct gguf_text *text, struct err *err);
bool gguf_array(const struct gguf *gguf, const char *key, struct gguf_array *array,
                struct err *err);

/* Element `index` < count of an array, for numbers and bools. */
int64_t gguf_array_integer(const struct gguf_array *array, uint64_t index);
double gguf_array_real(const struct gguf_array *array, uint64_t index);
/* Walks an array of strings: *cursor starts as 0 and is an opaque offset; false at the end. */
bool gguf_array_text(const struct gguf_array *array, size_t *cursor, struct gguf_text *text);

/* A short form of foreign text (a name, a spelling) that may be printed: base/visible's marks, long
 * text cut. Allocates nothing, so that error paths may use it without memory. */
enum { GGUF_SHOWN = 256 };
void gguf_show(const char *text, size_t length, char shown[GGUF_SHOWN]);

size_t gguf_tensor_count(const struct gguf *gguf);
const struct gguf_tensor *gguf_tensor_at(const struct gguf *gguf, size_t index);
const struct gguf_tensor *gguf_tensor_find(const struct gguf *gguf, const char *name);

/* The files while they are in use. gguf_is_broken: pages of one were lost (one atomic load each).
 * gguf_check_unchanged: ERR_IO when one was shortened or written anew; what was read since is worth
 * nothing then. Bytes in memory never change. */
bool gguf_is_broken(const struct gguf *gguf);
bool gguf_check_unchanged(const struct gguf *gguf, struct err *err);
/* Single rows of this tensor will be read, far apart: only they shall come from the disk. */
void gguf_read_sparsely(const struct gguf *gguf, const struct gguf_tensor *tensor);
/* What its descriptions take in memory, and the tensors that were made there. */
uint64_t gguf_own_bytes(const struct gguf *gguf);
/* The part of the first file that says what is in it; it is read completely. */
uint64_t gguf_metadata_bytes(const struct gguf *gguf);

/* A hash of the metadata and of samples of the data: the file's identity for caches. */
uint64_t gguf_fingerprint(const struct gguf *gguf);

#endif
