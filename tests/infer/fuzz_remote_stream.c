/* Whatever a server sends: an end or an error, never more; and each token is a control token or
 * bytes. The first byte says where the rest is cut in two. */
#include <stdint.h>
#include <stdlib.h>

#include "infer/remote_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_token(void *context, enum control control, const char *bytes, size_t length)
{
    (void)context;
    if (control == CONTROL_NONE ? bytes == NULL || length == 0 : control >= CONTROL_COUNT) {
        abort();
    }
}

static void read_as(bool responses, const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    size_t length = size - 1, cut = data[0] < length ? data[0] : length;
    struct err err;
    enum chat_stop stop = CHAT_STOP_NONE;
    struct remote_stream *stream = remote_stream_create(
        &(struct remote_stream_options){.token = on_token, .responses = responses});
    bool ok = remote_stream_feed(stream, text, cut, &err) &&
              remote_stream_feed(stream, text + cut, length - cut, &err) &&
              remote_stream_end(stream, &stop, &err);
    if (ok && stop == CHAT_STOP_NONE) {
        abort();
    }
    remote_stream_destroy(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        read_as(false, data, size);
        read_as(true, data, size);
    }
    return 0;
}
