/* tiles: the tile unit of x86 (AMX), eight tiles of 16 rows of 64 bytes.
 *
 * Only for files that are compiled for it. Tile instructions are written as assembler: the
 * compilers' own functions do not say that they read and write memory, and gcc 12 takes the
 * configuration for 8 bytes long. Tiles are configured at the beginning of a piece of work and
 * released at its end, so that the system has no tiles to save while this thread does anything
 * else.
 */
#ifndef CARAT_COMPUTE_X86_TILES_H
#define CARAT_COMPUTE_X86_TILES_H

#include <immintrin.h>
#include <stdint.h>

#include "compute/x86/told.h"

#define TILES_INLINE static inline __attribute__((always_inline))

enum { TILE_BYTES = 1024 };

struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

TILES_INLINE void tiles_configure(void)
{
    struct tile_config config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.rows[i] = 16;
        config.row_bytes[i] = 64;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
}

TILES_INLINE void tiles_release(void)
{
    __asm__ volatile("tilerelease" : : : "memory");
}

#define TILE_ZERO(TILE) __asm__ volatile("tilezero %%tmm" #TILE : : :)
#define TILE_LOAD(TILE, FROM) \
    __asm__ volatile("tileloadd (%0,%1), %%tmm" #TILE : : "r"(FROM), "r"((uint64_t)64) : "memory")
#define TILE_STORE(TILE, TO)                                  \
    do {                                                      \
        __asm__ volatile("tilestored %%tmm" #TILE ", (%0,%1)" \
                         :                                    \
                         : "r"(TO), "r"((uint64_t)64)         \
                         : "memory");                         \
        TOLD_STORED((TO), TILE_BYTES);                        \
    } while (0)
/* SUM += ROWS times TOKENS */
#define TILE_PRODUCT(SUM, ROWS, TOKENS) \
    __asm__ volatile("tdpbf16ps %%tmm" #TOKENS ", %%tmm" #ROWS ", %%tmm" #SUM : : :)

#endif
