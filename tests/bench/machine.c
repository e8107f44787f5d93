/* machine: what this machine can do, to hold measured speeds against. Prints two lines:
 *
 *     read GB/s      all threads together reading memory that no cache holds
 *     multiply Gop/s all threads together, the best unit for products that there is (named)
 *
 *     cc -O2 -pthread tests/bench/machine.c -o machine && ./machine [THREADS [SECONDS [UNIT]]]
 *
 * UNIT: best, or tiles, bytes, floats. Operations are multiplications and additions, each counted.
 * The loops keep everything in registers: no program can be faster, and none reaches it. Reading is
 * done as well as is known: four far streams, prefetching, huge pages, none of which a program that
 * reads a mapped file has all of.
 *
 * Each thread ends by its own clock and waits by sleeping, so that this may run with real-time
 * priority on every core.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#endif

enum { THREADS_MAX = 256, BUFFER = 512 * 1024 * 1024, STREAMS = 4, AHEAD = 1024, HUGE = 2 << 20 };

struct thread {
    pthread_t handle;
    double (*work)(struct thread *thread); /* what was done, in bytes or operations */
    double done, seconds, end;             /* end: by the clock */
    unsigned char *buffer;
};

static pthread_barrier_t begin;
static uint64_t sink;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int goes_on(const struct thread *thread)
{
    return now() < thread->end;
}

/* --- reading --- */

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t read_lines(const unsigned char *at, size_t bytes)
{
    __m256i sum[STREAMS];
    size_t part = bytes / STREAMS;
    memset(sum, 0, sizeof sum);
    for (size_t i = 0; i < part; i += 64) {
        for (int s = 0; s < STREAMS; s++) {
            const unsigned char *line = at + (size_t)s * part + i;
            _mm_prefetch((const char *)line + AHEAD, _MM_HINT_T0);
            sum[s] =
                _mm256_add_epi64(sum[s], _mm256_load_si256((const __m256i *)(const void *)line));
            sum[s] = _mm256_add_epi64(
                sum[s], _mm256_load_si256((const __m256i *)(const void *)(line + 32)));
        }
    }
    sum[0] = _mm256_add_epi64(_mm256_add_epi64(sum[0], sum[1]), _mm256_add_epi64(sum[2], sum[3]));
    return (uint64_t)_mm256_extract_epi64(sum[0], 0);
}
#else
static uint64_t read_lines(const unsigned char *at, size_t bytes)
{
    const uint64_t *words = (const uint64_t *)(const void *)at;
    uint64_t sum[8] = {0};
    for (size_t i = 0; i < bytes / 64; i++) {
        for (int w = 0; w < 8; w++) {
            sum[w] += words[8 * i + (size_t)w];
        }
    }
    return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}
#endif

static double read_memory(struct thread *thread)
{
    double done = 0;
    uint64_t sum = 0;
    while (goes_on(thread)) {
        for (size_t at = 0; at < BUFFER && goes_on(thread); at += BUFFER / 16) {
            sum += read_lines(thread->buffer + at, BUFFER / 16);
            done += BUFFER / 16;
        }
    }
    __atomic_fetch_add(&sink, sum, __ATOMIC_RELAXED);
    return done;
}

/* --- multiplying --- */

enum { ROUNDS = 2000 };

#if defined(__x86_64__)

static int has_bit(unsigned leaf, unsigned sub, int word, int bit)
{
    unsigned r[4] = {0};
    return __get_cpuid_count(leaf, sub, &r[0], &r[1], &r[2], &r[3]) && (r[word] >> bit & 1);
}

/* Whether the tiles may be used: this also asks the system for them. */
static int has_tiles(void)
{
    return has_bit(7, 0, 3, 22) && has_bit(7, 0, 3, 24) && syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

/* 16 x 16 x 32 bfloat16 products into each of four tiles. */
static double multiply_tiles(struct thread *thread)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t columns[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    double done = 0;
    for (int i = 0; i < 8; i++) {
        config.columns[i] = 64;
        config.rows[i] = 16;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(config));
    __asm__ volatile("tilezero %tmm0\n tilezero %tmm1\n tilezero %tmm2\n tilezero %tmm3\n"
                     "tilezero %tmm4\n tilezero %tmm5\n tilezero %tmm6\n tilezero %tmm7");
    while (goes_on(thread)) {
        for (int i = 0; i < ROUNDS; i++) {
            __asm__ volatile("tdpbf16ps %tmm4, %tmm6, %tmm0\n tdpbf16ps %tmm4, %tmm7, %tmm1\n"
                             "tdpbf16ps %tmm5, %tmm6, %tmm2\n tdpbf16ps %tmm5, %tmm7, %tmm3");
        }
        done += ROUNDS * 4.0 * 16 * 16 * 32 * 2;
    }
    __asm__ volatile("tilerelease");
    return done;
}

/* 64 byte products into each of 16 registers. */
__attribute__((target("avx512f,avx512vnni"))) static double multiply_bytes(struct thread *thread)
{
    double done = 0;
    while (goes_on(thread)) {
        for (int i = 0; i < ROUNDS; i++) {
            __asm__ volatile(
                "vpdpbusd %%zmm30, %%zmm31, %%zmm0\n vpdpbusd %%zmm30, %%zmm31, %%zmm1\n"
                "vpdpbusd %%zmm30, %%zmm31, %%zmm2\n vpdpbusd %%zmm30, %%zmm31, %%zmm3\n"
                "vpdpbusd %%zmm30, %%zmm31, %%zmm4\n vpdpbusd %%zmm30, %%zmm31, %%zmm5\n"
                "vpdpbusd %%zmm30, %%zmm31, %%zmm6\n vpdpbusd %%zmm30, %%zmm31, %%zmm7\n"
                "vpdpbusd %%zmm30, %%zmm31, %%zmm8\n vpdpbusd %%zmm30, %%zmm31, %%zmm9\n"
                "vpdpbusd %%zmm30, %%zmm31, %%zmm10\n vpdpbusd %%zmm30, %%zmm31, %%zmm11"
                :
                :
                : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                  "xmm10", "xmm11");
        }
        done += ROUNDS * 12.0 * 64 * 2;
    }
    return done;
}

__attribute__((target("avx2,fma"))) static double multiply_floats(struct thread *thread)
{
    double done = 0;
    while (goes_on(thread)) {
        for (int i = 0; i < ROUNDS; i++) {
            __asm__ volatile(
                "vfmadd231ps %%ymm14, %%ymm15, %%ymm0\n vfmadd231ps %%ymm14, %%ymm15, %%ymm1\n"
                "vfmadd231ps %%ymm14, %%ymm15, %%ymm2\n vfmadd231ps %%ymm14, %%ymm15, %%ymm3\n"
                "vfmadd231ps %%ymm14, %%ymm15, %%ymm4\n vfmadd231ps %%ymm14, %%ymm15, %%ymm5\n"
                "vfmadd231ps %%ymm14, %%ymm15, %%ymm6\n vfmadd231ps %%ymm14, %%ymm15, %%ymm7\n"
                "vfmadd231ps %%ymm14, %%ymm15, %%ymm8\n vfmadd231ps %%ymm14, %%ymm15, %%ymm9"
                :
                :
                : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9");
        }
        done += ROUNDS * 10.0 * 8 * 2;
    }
    return done;
}

#endif

/* --- running --- */

static void *thread_main(void *argument)
{
    struct thread *thread = argument;
    pthread_barrier_wait(&begin);
    double start = now();
    thread->end += start;
    thread->done = thread->work(thread);
    thread->seconds = now() - start;
    return NULL;
}

static double run(struct thread *threads, int count, double seconds,
                  double (*work)(struct thread *thread))
{
    double rate = 0;
    if (pthread_barrier_init(&begin, NULL, (unsigned)count) != 0) {
        fprintf(stderr, "machine: no barrier for %d threads\n", count);
        exit(1);
    }
    for (int i = 0; i < count; i++) {
        threads[i].work = work;
        threads[i].end = seconds;
        if (pthread_create(&threads[i].handle, NULL, thread_main, &threads[i]) != 0) {
            perror("machine: starting a thread");
            exit(1);
        }
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i].handle, NULL);
        rate += threads[i].done / threads[i].seconds;
    }
    pthread_barrier_destroy(&begin);
    return rate / 1e9;
}

int main(int argc, char **argv)
{
    static struct thread threads[THREADS_MAX];
    int count = argc > 1 ? atoi(argv[1]) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    const char *wanted = argc > 3 ? argv[3] : "best";
    if (count < 1 || count > THREADS_MAX || !(seconds > 0 && seconds < 1000)) {
        fprintf(stderr, "usage: machine [THREADS [SECONDS [UNIT]]]\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        threads[i].buffer = aligned_alloc(HUGE, BUFFER);
        if (threads[i].buffer == NULL) {
            fprintf(stderr, "machine: no memory\n");
            return 1;
        }
        madvise(threads[i].buffer, BUFFER, MADV_HUGEPAGE); /* where the system will */
        memset(threads[i].buffer, i + 1, BUFFER);
    }
    printf("read %.2f GB/s\n", run(threads, count, seconds, read_memory));
#if defined(__x86_64__)
    const struct {
        const char *name, *unit;
        int there;
        double (*work)(struct thread *);
    } units[] = {
        {"tiles", "AMX bfloat16", has_tiles(), multiply_tiles},
        {"bytes", "AVX-512 VNNI int8", has_bit(7, 0, 2, 11), multiply_bytes},
        {"floats", "AVX2 float32", has_bit(7, 0, 1, 5), multiply_floats},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int fits = strcmp(wanted, "best") == 0 || strcmp(wanted, units[i].name) == 0;
        if (fits && units[i].there) {
            printf("multiply %.0f Gop/s (%s)\n", run(threads, count, seconds, units[i].work),
                   units[i].unit);
            return 0;
        }
    }
    fprintf(stderr, "machine: there is no %s\n", wanted);
    return 1;
#else
    (void)wanted;
    return 0;
#endif
}
