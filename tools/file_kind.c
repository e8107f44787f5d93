#include "file_kind.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

static const struct magic {
    size_t offset;
    const char *bytes;
    size_t length;
    const char *name;
} magics[] = {
    {0, "\x89PNG\r\n\x1A\n", 8, "a PNG image"},
    {0, "\xFF\xD8\xFF", 3, "a JPEG image"},
    {0, "GIF8", 4, "a GIF image"},
    {8, "WEBP", 4, "a WebP image"},
    {8, "WAVE", 4, "a WAV recording"},
    {0, "%PDF-", 5, "a PDF document"},
    {0,
     "\x7F"
     "ELF",
     4, "an ELF program or library"},
    {0, "PK\x03\x04", 4, "a ZIP archive"},
    {0, "\x1F\x8B", 2, "gzip data"},
    {0, "BZh", 3, "bzip2 data"},
    {0,
     "\xFD"
     "7zXZ",
     5, "xz data"},
    {0, "\x28\xB5\x2F\xFD", 4, "zstd data"},
    {257, "ustar", 5, "a tar archive"},
    {0, "SQLite format 3", 15, "an SQLite database"},
    {0, "GGUF", 4, "a GGUF model"},
    {0, "\xFF\xFE", 2, "UTF-16 text"},
    {0, "\xFE\xFF", 2, "UTF-16 text"},
};

static unsigned big_endian(const unsigned char *bytes, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* The first chunk of a PNG is IHDR: width and height at bytes 16 and 20. */
static bool png_size(const unsigned char *head, size_t size, unsigned *width, unsigned *height)
{
    if (size < 24 || memcmp(head, "\x89PNG", 4) != 0 || memcmp(head + 12, "IHDR", 4) != 0) {
        return false;
    }
    *width = big_endian(head + 16, 4);
    *height = big_endian(head + 20, 4);
    return true;
}

/* A JPEG is a run of segments FF kind length; the frame header (SOF, C0..CF but C4, C8, CC) holds
 * height and width after the length and one byte of precision. */
static bool jpeg_size(const unsigned char *head, size_t size, unsigned *width, unsigned *height)
{
    size_t at = 2;
    if (size < 3 || memcmp(head, "\xFF\xD8\xFF", 3) != 0) {
        return false;
    }
    while (at + 9 <= size && head[at] == 0xFF) {
        unsigned char kind = head[at + 1];
        if (kind >= 0xC0 && kind <= 0xCF && kind != 0xC4 && kind != 0xC8 && kind != 0xCC) {
            *height = big_endian(head + at + 5, 2);
            *width = big_endian(head + at + 7, 2);
            return true;
        }
        /* A length below 2 cannot be; it would also keep us here for ever. */
        unsigned length = big_endian(head + at + 2, 2);
        at += kind == 0xFF ? 1 : 2 + (length < 2 ? 2 : length);
    }
    return false;
}

static void name_kind(const unsigned char *head, size_t size, char name[FILE_KIND_NAME])
{
    unsigned width, height;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        const struct magic *row = &magics[i];
        if (row->offset + row->length > size ||
            memcmp(head + row->offset, row->bytes, row->length) != 0) {
            continue;
        }
        if (png_size(head, size, &width, &height) || jpeg_size(head, size, &width, &height)) {
            snprintf(name, FILE_KIND_NAME, "%s of %u x %u", row->name, width, height);
        } else {
            snprintf(name, FILE_KIND_NAME, "%s", row->name);
        }
        return;
    }
    snprintf(name, FILE_KIND_NAME, "binary data");
}

bool file_kind_text(const void *head, size_t size, char name[FILE_KIND_NAME])
{
    const char *bytes = head;
    size_t invalid = 0, used;
    if (memchr(head, '\0', size) == NULL) {
        for (size_t at = 0; at < size; at += used) {
            invalid += utf8_decode(bytes + at, size - at, &used) == UTF8_INVALID;
        }
        /* Latin-1 prose has a few stray bytes and is still worth reading. */
        if (invalid <= size / 10) {
            return true;
        }
    }
    name_kind(head, size, name);
    return false;
}

bool file_kind_of(int fd, char name[FILE_KIND_NAME])
{
    char head[FILE_KIND_HEAD];
    ssize_t got = pread(fd, head, sizeof head, 0);
    return got <= 0 || file_kind_text(head, (size_t)got, name);
}
