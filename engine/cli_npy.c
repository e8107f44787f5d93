/* cli_npy: see cli_npy.h. The header is padded so that the data begins at a multiple of 64. */
#include "cli_npy.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cli_json.h"

enum { MAGIC_BYTES = 10, HEADER_BYTES = 128 };

bool cli_npy_open(struct cli_npy *npy, const char *path, size_t rows, size_t columns,
                  struct err *err)
{
    unsigned char header[HEADER_BYTES];
    const uint16_t text_bytes = HEADER_BYTES - MAGIC_BYTES;
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (unsigned char)(text_bytes & 255);
    header[9] = (unsigned char)(text_bytes >> 8);
    int length =
        snprintf((char *)header + MAGIC_BYTES, text_bytes,
                 "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, columns);
    header[MAGIC_BYTES + length] = ' '; /* where snprintf put its NUL */
    header[HEADER_BYTES - 1] = '\n';
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return err_errno(err, ERR_IO, "making %s", path);
    }
    *npy = (struct cli_npy){.file = file, .path = path, .columns = columns};
    if (fwrite(header, 1, sizeof header, file) != sizeof header) {
        err_errno(err, ERR_IO, "writing %s", path);
        fclose(file);
        return false;
    }
    return true;
}

bool cli_npy_write(struct cli_npy *npy, const float *values, size_t rows, struct err *err)
{
    size_t count = rows * npy->columns;
    return fwrite(values, sizeof *values, count, npy->file) == count ||
           err_errno(err, ERR_IO, "writing %s", npy->path);
}

bool cli_npy_close(struct cli_npy *npy, struct err *err)
{
    return fclose(npy->file) == 0 || err_errno(err, ERR_IO, "writing %s", npy->path);
}

bool cli_npy_save(const char *path, const float *values, size_t rows, size_t columns,
                  struct err *err)
{
    struct cli_npy npy;
    if (!cli_npy_open(&npy, path, rows, columns, err)) {
        return false;
    }
    bool written = cli_npy_write(&npy, values, rows, err);
    return cli_npy_close(&npy, written ? err : NULL) && written;
}

bool cli_npy_describe(const char *path, struct err *err)
{
    char head[128] = "";
    size_t rows, columns;
    FILE *file = fopen(path, "rb");
    bool read = file != NULL && fread(head, 1, sizeof head - 1, file) > 10;
    if (file != NULL) {
        fclose(file);
    }
    const char *shape = read ? strstr(head + 10, "'shape': (") : NULL;
    if (shape == NULL || sscanf(shape, "'shape': (%zu, %zu)", &rows, &columns) != 2) {
        return err_set(err, ERR_IO, "%s: what was written cannot be read again", path);
    }
    struct str line;
    str_init(&line);
    cli_json_append_text(&line, path);
    printf("{\"output\": %s, \"shape\": [%zu, %zu]}\n", line.data, rows, columns);
    str_finish(&line);
    return true;
}
