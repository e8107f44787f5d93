/* sha256: the compression function of SHA-256 (FIPS 180-4), over whole blocks.
 *
 * hash.h is what one uses; this is its inner part, with one row for each instruction set. Pure.
 */
#ifndef CARAT_BASE_SHA256_H
#define CARAT_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_BLOCK = 64, SHA256_WORDS = 8 };

/* The 64 round constants: fractions of the cube roots of the first primes. */
extern const uint32_t sha256_constants[64];

typedef void sha256_function(uint32_t state[SHA256_WORDS], const unsigned char *blocks,
                             size_t count);

/* Works everywhere. */
sha256_function sha256_scalar;
/* With the processor's own instructions; NULL where this processor has none. */
sha256_function *sha256_x86(void);
/* The quickest one here. Any thread. */
sha256_function *sha256_best(void);

#endif
