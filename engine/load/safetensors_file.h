/* safetensors_file: a reader of one .safetensors file that trusts nothing.
 *
 * Eight bytes with the length of the header, the header (JSON: name to type, shape and place), then
 * the values. Checked at open, each with a test: the header's length against the file and its cap;
 * strict JSON; names unique and printable; types known; shapes by checked multiplication; offsets
 * that give each tensor exactly its bytes, without overlaps and without holes up to the end of the
 * file. After that look-ups need no checks. Views into the mapping; read-only after open.
 */
#ifndef CARAT_LOAD_SAFETENSORS_FILE_H
#define CARAT_LOAD_SAFETENSORS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct file_map;
struct safetensors_file;

enum { SAFETENSORS_FILE_RANK_MAX = 8 };

struct safetensors_file_tensor {
    const char *name; /* a view of name_length bytes, not NUL-terminated */
    size_t name_length;
    const char *dtype; /* "BF16", ... */
    int quant_type;    /* the enum quant_type of F32, F16 and BF16, else -1 */
    uint32_t rank;
    uint64_t shape[SAFETENSORS_FILE_RANK_MAX]; /* as in the file: the last one is contiguous */
    const unsigned char *data;
    uint64_t bytes;
    uint64_t begin; /* relative to the values' start */
};

struct safetensors_file *safetensors_file_open(const char *path, struct err *err);
/* The same over bytes in memory; they must outlive it. */
struct safetensors_file *safetensors_file_open_bytes(const char *name, const void *data,
                                                     size_t size, struct err *err);
void safetensors_file_close(struct safetensors_file *file);

/* The name of the file in a form that may be printed. */
const char *safetensors_file_shown(const struct safetensors_file *file);
size_t safetensors_file_count(const struct safetensors_file *file);
/* In the order of their places. */
const struct safetensors_file_tensor *safetensors_file_at(const struct safetensors_file *file,
                                                          size_t index);

/* Hands the mapping over: what lies in it stays valid after the file is closed. */
void safetensors_file_take_map(struct safetensors_file *file, struct file_map *map);

#endif
