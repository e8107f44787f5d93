#include "uuid.h"

#include <stdio.h>
#include <string.h>

#include <sys/random.h>

#include "base/err.h"

bool uuid_make(int64_t wall_ms, uint64_t *last_stamp, char out[UUID_SIZE], struct err *err)
{
    unsigned char random[10];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return err_errno(err, ERR_UNAVAILABLE, "getting random bytes from the kernel");
    }
    /* Half of the 12-bit range is left free above the random start for names of the same ms. */
    unsigned start = ((unsigned)random[8] << 8 | random[9]) & 0x7FF;
    uint64_t stamp = (uint64_t)wall_ms << 12 | start;
    if (stamp <= *last_stamp) {
        stamp = *last_stamp + 1;
    }
    *last_stamp = stamp;
    uint64_t ms = stamp >> 12 & 0xFFFFFFFFFFFFu;
    random[0] = (unsigned char)(0x80 | (random[0] & 0x3F)); /* the variant */
    snprintf(out, UUID_SIZE, "%08x-%04x-7%03x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)(ms >> 16), (unsigned)(ms & 0xFFFF), (unsigned)(stamp & 0xFFF), random[0],
             random[1], random[2], random[3], random[4], random[5], random[6], random[7]);
    return true;
}

bool uuid_valid(const char *text)
{
    static const char form[] = "00000000-0000-0000-0000-000000000000";
    if (strlen(text) != sizeof form - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool digit = strchr("0123456789abcdef", text[i]) != NULL;
        if (form[i] == '-' ? text[i] != '-' : !digit) {
            return false;
        }
    }
    return true;
}
