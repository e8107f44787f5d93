/* cli_npy: writes a matrix of float32 as a NumPy file (format version 1.0), row after row. */
#ifndef CARAT_CLI_NPY_H
#define CARAT_CLI_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;

struct cli_npy {
    FILE *file;
    const char *path;
    size_t columns;
};

/* Makes the file and writes the header for `rows` rows. `path` is borrowed until close. */
bool cli_npy_open(struct cli_npy *npy, const char *path, size_t rows, size_t columns,
                  struct err *err);
bool cli_npy_write(struct cli_npy *npy, const float *values, size_t rows, struct err *err);
/* Closes; false when the last bytes could not be written. */
bool cli_npy_close(struct cli_npy *npy, struct err *err);

/* All three at once. */
bool cli_npy_save(const char *path, const float *values, size_t rows, size_t columns,
                  struct err *err);

/* What a file that was written here holds, on standard output:
 * {"output": PATH, "shape": [rows, columns]}. */
bool cli_npy_describe(const char *path, struct err *err);

#endif
