/* nettle_seen: what nettle writes, told to MemorySanitizer, as jansson_seen.c does for jansson. */
#include <nettle/sha2.h>
#include <sanitizer/msan_interface.h>

void __real_nettle_sha256_update(struct sha256_ctx *state, size_t length, const uint8_t *bytes);
void __real_nettle_sha256_digest(struct sha256_ctx *state, size_t length, uint8_t *sum);
void __wrap_nettle_sha256_update(struct sha256_ctx *state, size_t length, const uint8_t *bytes);
void __wrap_nettle_sha256_digest(struct sha256_ctx *state, size_t length, uint8_t *sum);

void __wrap_nettle_sha256_update(struct sha256_ctx *state, size_t length, const uint8_t *bytes)
{
    __msan_check_mem_is_initialized(bytes, length);
    __real_nettle_sha256_update(state, length, bytes);
}

void __wrap_nettle_sha256_digest(struct sha256_ctx *state, size_t length, uint8_t *sum)
{
    __real_nettle_sha256_digest(state, length, sum);
    __msan_unpoison(sum, length);
}
