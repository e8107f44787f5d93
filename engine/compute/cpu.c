/* cpu: asks the system for cores and the processor for instruction sets.
 *
 * CPUID alone does not suffice for AVX: the system must also save the upper halves of the
 * registers, which XGETBV tells. Both are read directly, since the compilers' built-in test does
 * not know F16C in every version.
 */
#include "compute/cpu.h"

#include <sched.h>

#include <sys/resource.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

int cpu_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1; /* more than CPU_SETSIZE cores: the user names a number with --threads */
    }
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count;
}

long cpu_times_put_aside(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}

#if defined(__x86_64__)

enum {
    CPUID_1_ECX_FMA = 1 << 12,
    CPUID_1_ECX_OSXSAVE = 1 << 27,
    CPUID_1_ECX_AVX = 1 << 28,
    CPUID_1_ECX_F16C = 1 << 29,
    CPUID_7_EBX_AVX2 = 1 << 5,
    CPUID_7_EBX_AVX512_F_DQ = 1 << 16 | 1 << 17,
    CPUID_7_EBX_AVX512_BW = 1 << 30,
    XCR0_SSE_AND_AVX = 6,
    CPUID_7_ECX_VNNI = 1 << 11,
    CPUID_7_EDX_AMX_BF16_AND_TILE = 1 << 22 | 1 << 24,
    CPUID_7_1_EAX_AVX_VNNI = 1 << 4,
    CPUID_7_1_EAX_AVX512_BF16 = 1 << 5,
    ASK_FOR_A_STATE = 0x1023, /* arch_prctl: ARCH_REQ_XCOMP_PERM */
    STATE_TILES = 18,
    XCR0_TILES = 3 << 17,
    XCR0_AVX512 = 0xE6, /* those, the masks, and both upper parts of the wide registers */
};

/* Whether the processor has F16C, FMA and all these features of leaf 7, and the system saves these
 * registers. */
static bool has_wide(unsigned features, unsigned registers)
{
    const unsigned wanted =
        CPUID_1_ECX_FMA | CPUID_1_ECX_OSXSAVE | CPUID_1_ECX_AVX | CPUID_1_ECX_F16C;
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & wanted) != wanted) {
        return false;
    }
    unsigned xcr0, upper;
    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(upper) : "c"(0));
    (void)upper;
    if ((xcr0 & registers) != registers) {
        return false;
    }
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & features) == features;
}

bool cpu_has_avx2(void)
{
    return has_wide(CPUID_7_EBX_AVX2, XCR0_SSE_AND_AVX);
}

bool cpu_has_avx512(void)
{
    const unsigned last = 1u << 31; /* VL: the same instructions for narrower registers */
    return has_wide(CPUID_7_EBX_AVX2 | CPUID_7_EBX_AVX512_F_DQ | CPUID_7_EBX_AVX512_BW | last,
                    XCR0_AVX512);
}

bool cpu_has_avx512_vnni(void)
{
    unsigned eax, ebx, ecx, edx;
    return cpu_has_avx512() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           (ecx & CPUID_7_ECX_VNNI) != 0;
}

/* Features of the second leaf 7, where there is one. */
static bool has_later(unsigned features)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && eax >= 1 &&
           __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & features) == features;
}

bool cpu_has_avx_vnni(void)
{
    return cpu_has_avx2() && has_later(CPUID_7_1_EAX_AVX_VNNI);
}

bool cpu_has_amx(void)
{
    unsigned eax, ebx, ecx, edx;
    return cpu_has_avx512() && has_wide(CPUID_7_EBX_AVX2, XCR0_AVX512 | XCR0_TILES) &&
           has_later(CPUID_7_1_EAX_AVX512_BF16) &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           (edx & CPUID_7_EDX_AMX_BF16_AND_TILE) == CPUID_7_EDX_AMX_BF16_AND_TILE &&
           syscall(SYS_arch_prctl, ASK_FOR_A_STATE, STATE_TILES) == 0;
}

#else

bool cpu_has_amx(void)
{
    return false;
}

bool cpu_has_avx2(void)
{
    return false;
}

bool cpu_has_avx512(void)
{
    return false;
}

bool cpu_has_avx_vnni(void)
{
    return false;
}

bool cpu_has_avx512_vnni(void)
{
    return false;
}

#endif

bool cpu_has_neon(void)
{
#if defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

bool cpu_has_neon_dot(void)
{
#if defined(__aarch64__)
    const unsigned long dot_products = 1ul << 20; /* HWCAP_ASIMDDP of the kernel's interface */
    return (getauxval(AT_HWCAP) & dot_products) != 0;
#else
    return false;
#endif
}
