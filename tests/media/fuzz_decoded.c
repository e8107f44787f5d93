/* What a decoder that was taken over could say: a message that is whole, or an error. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "media/decoded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum decoded_kind kinds[] = {DECODED_PICTURE, DECODED_SOUND};
    for (size_t i = 0; i < 2; i++) {
        struct err err = {0};
        struct decoded decoded;
        if (decoded_read(data, size, kinds[i], &decoded, &err)) {
            size_t values = kinds[i] == DECODED_PICTURE ? decoded.width * decoded.height * 3
                                                        : decoded.count * sizeof(float);
            if (decoded.bytes != values || decoded.bytes + DECODED_HEADER != size) {
                abort();
            }
        } else if (err.code == ERR_NONE || err.text[0] == '\0') {
            abort();
        }
    }
    return 0;
}
