/* cpu: what this machine can do: how many cores we may use, and which instruction sets.
 *
 * Plain questions to the system and the processor; nothing is cached and nothing is configured here
 * (no environment variable is read). Any thread.
 */
#ifndef CARAT_COMPUTE_CPU_H
#define CARAT_COMPUTE_CPU_H

#include <stdbool.h>

/* The cores that this process may run on (its affinity mask), at least 1. */
int cpu_count(void);

/* How many times the system has taken the core away from the calling thread, which had not asked
 * for it: who shares its core with other work sees this grow. */
long cpu_times_put_aside(void);

/* AVX2, FMA and F16C, and a system that saves the wide registers. */
bool cpu_has_avx2(void);

/* AVX-512 F, BW, DQ and VL, besides what cpu_has_avx2 asks for, and a system that saves them. */
bool cpu_has_avx512(void);

/* The integer dot products of AVX-512 (VNNI), besides what cpu_has_avx512 asks for. */
bool cpu_has_avx512_vnni(void);

/* The integer dot products for AVX2's registers (AVX-VNNI), besides what cpu_has_avx2 asks for. */
bool cpu_has_avx_vnni(void);

/* The tile unit (AMX) with bfloat16, AVX-512 with bfloat16 besides what cpu_has_avx512 asks for,
 * and a system that saves the tiles and lets this process use them. Asking is what makes it let us:
 * from then on the threads of this process may. */
bool cpu_has_amx(void);

/* Advanced SIMD, which every 64-bit ARM has, and its products of bytes summed in 32 bits. */
bool cpu_has_neon(void);
bool cpu_has_neon_dot(void);

/* A hint to the core that we spin: kinder to its sibling thread and to the power bill. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
