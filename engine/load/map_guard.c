/* The table of ranges is read by the handler, which may run at any moment in any thread, so it is a
 * fixed array of atomics without locks. An entry's version is odd while it changes: the handler
 * takes no entry whose version is odd or moved meanwhile. Its own entry cannot be such a one,
 * because a range that is still read is neither added nor removed.
 *
 * The handler calls nothing that could hold a lock: the pages are mapped by the bare system call,
 * which also keeps it from the sanitizers' wrappers of mmap. It maps from the missing page to the
 * end of the range, since a file is shortened at its end; more missing pages before that fault once
 * more. Two threads may do so at once, with the same result.
 */
#include "load/map_guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

struct range {
    atomic_uint version;
    _Atomic uintptr_t begin, end; /* begin 0: free */
    atomic_bool broken;
};

static struct range ranges[MAP_GUARD_MAX];
static atomic_int used; /* entries that were ever in use: 0 .. used - 1 */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of those who add and remove */

/* The handlers that ours took the place of. An entry is written once, before the handler can see
 * it. */
enum { BEFORES_MAX = 16 };
static struct sigaction befores[BEFORES_MAX];
static int before_count; /* under the mutex */
static const struct sigaction *_Atomic before;
static _Thread_local volatile sig_atomic_t passing; /* in pass_on */
static _Atomic uintptr_t page_size;

/* --- the handler --- */

static struct range *find_range(uintptr_t address, uintptr_t *end)
{
    int count = atomic_load(&used);
    for (int i = 0; i < count; i++) {
        struct range *range = &ranges[i];
        unsigned version = atomic_load(&range->version);
        uintptr_t range_begin = atomic_load(&range->begin), range_end = atomic_load(&range->end);
        if (range_begin != 0 && address >= range_begin && address < range_end && version % 2 == 0 &&
            atomic_load(&range->version) == version) {
            *end = range_end;
            return range;
        }
    }
    return NULL;
}

/* Pages of zeros from the missing one to the end of the range. */
static bool put_zeros(uintptr_t address, uintptr_t end)
{
    uintptr_t page = atomic_load(&page_size), begin = address / page * page;
    uintptr_t length = (end - begin + page - 1) / page * page;
    long made = syscall(SYS_mmap, begin, length, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0L);
    return made != -1;
}

/* The process ends of the same fault, which comes again as soon as this returns; of a signal that
 * was sent it ends when that is raised again. */
static void end_process(const siginfo_t *info)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(SIGBUS, &plain, NULL);
    if (info->si_code <= 0) {
        raise(SIGBUS);
    }
}

/* To whoever was asked before us; who passes it back to us gets no second chance. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    const struct sigaction *other = atomic_load(&before);
    if (other->sa_handler == SIG_IGN && info->si_code <= 0) {
        return;
    }
    if (passing || other->sa_handler == SIG_DFL || other->sa_handler == SIG_IGN) {
        end_process(info);
        return;
    }
    passing = 1;
    if ((other->sa_flags & SA_SIGINFO) != 0) {
        other->sa_sigaction(number, info, context);
    } else {
        other->sa_handler(number);
    }
    passing = 0;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    int error = errno;
    uintptr_t address = (uintptr_t)info->si_addr, end;
    struct range *range = info->si_code > 0 ? find_range(address, &end) : NULL;
    if (range != NULL && put_zeros(address, end)) {
        atomic_store(&range->broken, true);
    } else {
        pass_on(number, info, context);
    }
    errno = error;
}

/* --- ranges --- */

static bool same_handler(const struct sigaction *a, const struct sigaction *b)
{
    return (a->sa_flags & SA_SIGINFO) == (b->sa_flags & SA_SIGINFO) &&
           a->sa_handler == b->sa_handler;
}

/* Remembers whom to pass on to. */
static bool set_before(const struct sigaction *other, struct err *err)
{
    int i = 0;
    while (i < before_count && !same_handler(&befores[i], other)) {
        i++;
    }
    if (i == BEFORES_MAX) {
        return err_set(err, ERR_LIMIT, "SIGBUS was given to more than %d handlers", BEFORES_MAX);
    }
    if (i == before_count) {
        befores[before_count++] = *other;
    }
    atomic_store(&before, &befores[i]);
    return true;
}

static bool install(struct err *err)
{
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction other;
    sigemptyset(&ours.sa_mask);
    if (sigaction(SIGBUS, NULL, &other) != 0) {
        return err_errno(err, ERR_IO, "guarding the mapped files");
    }
    if (same_handler(&other, &ours)) {
        return true;
    }
    atomic_store(&page_size, (uintptr_t)sysconf(_SC_PAGESIZE));
    if (!set_before(&other, err)) {
        return false;
    }
    return sigaction(SIGBUS, &ours, NULL) == 0 ||
           err_errno(err, ERR_IO, "guarding the mapped files");
}

static void set_range(struct range *range, uintptr_t begin, uintptr_t end)
{
    atomic_fetch_add(&range->version, 1);
    atomic_store(&range->begin, begin);
    atomic_store(&range->end, end);
    atomic_store(&range->broken, false);
    atomic_fetch_add(&range->version, 1);
}

bool map_guard_add(const void *bytes, size_t size, int *guard, struct err *err)
{
    uintptr_t begin = (uintptr_t)bytes;
    pthread_mutex_lock(&mutex);
    int free_entry = 0;
    while (free_entry < MAP_GUARD_MAX && atomic_load(&ranges[free_entry].begin) != 0) {
        free_entry++;
    }
    bool ok = install(err);
    if (ok && free_entry == MAP_GUARD_MAX) {
        ok = err_set(err, ERR_LIMIT, "more than %d files are mapped", MAP_GUARD_MAX);
    }
    if (ok) {
        set_range(&ranges[free_entry], begin, begin + size);
        if (free_entry >= atomic_load(&used)) {
            atomic_store(&used, free_entry + 1);
        }
        *guard = free_entry;
    }
    pthread_mutex_unlock(&mutex);
    return ok;
}

void map_guard_remove(int guard)
{
    pthread_mutex_lock(&mutex);
    set_range(&ranges[guard], 0, 0);
    pthread_mutex_unlock(&mutex);
}

bool map_guard_is_broken(int guard)
{
    return atomic_load_explicit(&ranges[guard].broken, memory_order_acquire);
}
