/* library: the user's folder of models: their checksums, which one is taken by default, what is in
 * it. SHA256SUMS there has the format of sha256sum(1), so `sha256sum -c` reads it too. */
#ifndef CARAT_MODELS_LIBRARY_H
#define CARAT_MODELS_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;

struct library_file {
    char *name;
    uint64_t bytes;
};

/* The GGUF files of a folder, sorted; none when it does not exist. *files: library_free. */
void library_list(const char *folder, struct library_file **files, size_t *count);
void library_free(struct library_file *files, size_t count);

/* "3.8 MB", "4.12 GB". */
void library_append_size(struct str *out, double bytes);

/* The checksum that is written down for a file; false when there is none. */
bool library_sum(const char *folder, const char *name, char sha256[65]);
/* Writes it down, in place of an older one; NULL takes it out. */
bool library_set_sum(const char *folder, const char *name, const char *sha256, struct err *err);

/* The model that is taken when none is named; NULL when the user has chosen none. mem_free. */
char *library_default(const char *folder);
/* NULL: none any more. */
bool library_set_default(const char *folder, const char *name, struct err *err);

/* Removes a file and what is known of it. ERR_NOT_FOUND. */
bool library_remove(const char *folder, const char *name, struct err *err);

#endif
