/* Whatever is sent as a head: it is refused with a status, or read so that nothing is left out:
 * every view lies in the bytes, and the head ends where its empty line is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "serve/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct http_view view, const char *head, size_t length)
{
    if (view.text < head || view.text + view.length > head + length) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    size_t scanned = 0, piece = 0, head = 0;
    /* In pieces the end is found where it is found at once. */
    for (size_t at = 0; at < size && head == 0; at += 7) {
        piece = at + 7 < size ? at + 7 : size;
        head = http_request_head(bytes, piece, &scanned);
    }
    scanned = 0;
    if (head != http_request_head(bytes, size, &scanned) && head == 0) {
        abort();
    }
    http_request_plausible(bytes, size);
    if (head == 0) {
        return 0;
    }
    static struct http_request request;
    int status = 0;
    const char *why = NULL;
    if (!http_request_parse(&request, bytes, head, &status, &why)) {
        if (status < 400 || why == NULL) {
            abort();
        }
        return 0;
    }
    inside(request.method, bytes, head);
    inside(request.path, bytes, head);
    for (size_t i = 0; i < request.header_count; i++) {
        inside(request.headers[i].name, bytes, head);
        inside(request.headers[i].value, bytes, head);
        if (memchr(request.headers[i].value.text, '\n', request.headers[i].value.length) != NULL) {
            abort();
        }
    }
    return 0;
}
