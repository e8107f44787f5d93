/* visible and utf8 over any bytes: what comes out is valid and holds no control character. */
#include <stdint.h>
#include <stdlib.h>

#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int mode = VISIBLE_TEXT; mode <= VISIBLE_COMMAND; mode++) {
        struct str s;
        str_init(&s);
        visible_append(&s, (const char *)data, size, (enum visible_mode)mode);
        size_t used;
        for (size_t at = 0; at < s.length; at += used) {
            uint32_t c = utf8_decode(s.data + at, s.length - at, &used);
            bool kept = mode == VISIBLE_TEXT && (c == '\n' || c == '\t');
            if (c >= UTF8_INCOMPLETE || ((c < 0x20 || (c >= 0x7F && c < 0xA0)) && !kept)) {
                abort();
            }
        }
        str_finish(&s);
    }
    return 0;
}
