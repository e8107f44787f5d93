/* cli_npy: see cli_npy.h. The header is padded so that the data begins at a multiple of 64. */
#include "cli_npy.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"

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
