/* fault: preloaded into a program, it lets the n-th call of some kinds fail.
 *
 *     FAULT_PROGRAM  the name of the program that is meant; in all others this library only passes
 * on FAULT_KINDS    with commas: malloc, or read write open close fsync rename truncate mmap make
 *     FAULT_AT       the number of the call, counted over all of these kinds; 0 only counts
 *     FAULT_FROM     set: every later one too
 *     FAULT_ERROR    errno as a number, or "short": half of what was asked for
 *     FAULT_COUNT    a file of 16 bytes: how many calls there were, how many failed
 *
 * Of the calls on files those count that act on regular files and folders and on standard output:
 * the kernel gives no such errors for pipes and event counters. What the C library does within
 * itself cannot be reached; for stdio the failing call is that of fopen, fflush or fclose.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { MALLOC, READ, WRITE, OPEN, CLOSE, FSYNC, RENAME, TRUNCATE, MMAP, MAKE, KINDS };
enum { SHORT = -1 };

static const char *const NAMES[KINDS] = {"malloc", "read",   "write",    "open", "close",
                                         "fsync",  "rename", "truncate", "mmap", "make"};

struct count {
    atomic_ulong calls, failed;
};

static struct count own;
static struct count *count = &own;
static int armed, lasting, error_number;
static int wanted[KINDS];
static unsigned long fail_at;
static _Thread_local int looking_up __attribute__((tls_model("initial-exec")));

static void count_in(const char *path)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *map =
        (void *)syscall(SYS_mmap, NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (map != MAP_FAILED) {
        count = map;
    }
}

__attribute__((constructor)) static void start(void)
{
    const char *program = getenv("FAULT_PROGRAM"), *kinds = getenv("FAULT_KINDS");
    const char *at = getenv("FAULT_AT"), *error = getenv("FAULT_ERROR"),
               *path = getenv("FAULT_COUNT");
    if (program == NULL || kinds == NULL || at == NULL || path == NULL ||
        strcmp(program, program_invocation_short_name) != 0) {
        return;
    }
    count_in(path);
    for (int i = 0; i < KINDS; i++) {
        wanted[i] = strstr(kinds, NAMES[i]) != NULL;
    }
    fail_at = strtoul(at, NULL, 10);
    lasting = getenv("FAULT_FROM") != NULL;
    error_number = error == NULL ? EIO : strcmp(error, "short") == 0 ? SHORT : atoi(error);
    armed = 1;
}

/* 0: the call is to be made. Else what it fails with. */
static int decide(enum kind kind)
{
    if (!armed || !wanted[kind] || looking_up) {
        return 0;
    }
    unsigned long number = atomic_fetch_add(&count->calls, 1) + 1;
    if (fail_at == 0 || number < fail_at || (number > fail_at && !lasting)) {
        return 0;
    }
    atomic_fetch_add(&count->failed, 1);
    return error_number;
}

static int decide_for(enum kind kind, int fd)
{
    struct stat status;
    if (!armed || !wanted[kind]) {
        return 0;
    }
    int saved = errno;
    int counts = fd == STDOUT_FILENO ||
                 (fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)));
    errno = saved;
    return counts ? decide(kind) : 0;
}

/* A call that cannot be cut short fails. */
static long failed(int error)
{
    errno = error == SHORT ? EIO : error;
    return -1;
}

static void *next(const char *name)
{
    looking_up = 1;
    void *found = dlsym(RTLD_NEXT, name);
    looking_up = 0;
    return found;
}

/* The real function: looked up once, at the first call, with memory that does not fail for that. */
#define REAL(type, name)               \
    static type (*_Atomic real)();     \
    if (real == NULL) {                \
        real = (type(*)())next(#name); \
    }

/* --- memory --- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static int no_memory(void)
{
    if (decide(MALLOC) == 0) {
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return no_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    return no_memory() ? NULL : __libc_calloc(number, size);
}

void *realloc(void *block, size_t size)
{
    return no_memory() ? NULL : __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size)
{
    return no_memory() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *made = memalign(alignment, size);
    if (made == NULL) {
        return ENOMEM;
    }
    *block = made;
    return 0;
}

/* --- reading and writing --- */

/* The same call under the names that 32-bit offsets left behind. */
#define TRANSFER(name, kind, bytes_type)                          \
    ssize_t name(int fd, bytes_type bytes, size_t size)           \
    {                                                             \
        REAL(ssize_t, name)                                       \
        int error = decide_for(kind, fd);                         \
        if (error > 0 || (error == SHORT && size < 2)) {          \
            return failed(error == SHORT ? EINTR : error);        \
        }                                                         \
        return real(fd, bytes, error == SHORT ? size / 2 : size); \
    }

#define TRANSFER_AT(name, kind, bytes_type)                               \
    ssize_t name(int fd, bytes_type bytes, size_t size, off_t offset)     \
    {                                                                     \
        REAL(ssize_t, name)                                               \
        int error = decide_for(kind, fd);                                 \
        if (error > 0 || (error == SHORT && size < 2)) {                  \
            return failed(error == SHORT ? EINTR : error);                \
        }                                                                 \
        return real(fd, bytes, error == SHORT ? size / 2 : size, offset); \
    }

TRANSFER(read, READ, void *)
TRANSFER(write, WRITE, const void *)
TRANSFER_AT(pread, READ, void *)
TRANSFER_AT(pread64, READ, void *)
TRANSFER_AT(pwrite, WRITE, const void *)
TRANSFER_AT(pwrite64, WRITE, const void *)

/* What the compiler makes of the calls above where it knows the size of the buffer. */
ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room)
{
    return size > room ? failed(EFAULT) : read(fd, bytes, size);
}

ssize_t __pread_chk(int fd, void *bytes, size_t size, off_t offset, size_t room)
{
    return size > room ? failed(EFAULT) : pread(fd, bytes, size, offset);
}

ssize_t __pread64_chk(int fd, void *bytes, size_t size, off_t offset, size_t room)
{
    return size > room ? failed(EFAULT) : pread(fd, bytes, size, offset);
}

/* The stream remembers it, as after a write of its own. */
int fflush(FILE *file)
{
    REAL(int, fflush)
    int error = file == NULL ? 0 : decide_for(WRITE, fileno(file));
    if (error != 0) {
        file->_flags |= 0x20; /* _IO_ERR_SEEN */
        return (int)failed(error);
    }
    return real(file);
}

/* --- opening and closing --- */

#define OPEN_FILE(name)                                                   \
    int name(const char *path, int flags, ...)                            \
    {                                                                     \
        REAL(int, name)                                                   \
        va_list more;                                                     \
        va_start(more, flags);                                            \
        mode_t mode = va_arg(more, mode_t);                               \
        va_end(more);                                                     \
        int error = decide(OPEN);                                         \
        return error == 0 ? real(path, flags, mode) : (int)failed(error); \
    }

#define OPEN_FILE_AT(name)                                                        \
    int name(int folder, const char *path, int flags, ...)                        \
    {                                                                             \
        REAL(int, name)                                                           \
        va_list more;                                                             \
        va_start(more, flags);                                                    \
        mode_t mode = va_arg(more, mode_t);                                       \
        va_end(more);                                                             \
        int error = decide(OPEN);                                                 \
        return error == 0 ? real(folder, path, flags, mode) : (int)failed(error); \
    }

#define OPEN_STREAM(name)                                             \
    FILE *name(const char *path, const char *mode)                    \
    {                                                                 \
        REAL(FILE *, name)                                            \
        int error = decide(OPEN);                                     \
        return error == 0 ? real(path, mode) : (failed(error), NULL); \
    }

OPEN_FILE(open)
OPEN_FILE(open64)
OPEN_FILE_AT(openat)
OPEN_FILE_AT(openat64)
OPEN_STREAM(fopen)
OPEN_STREAM(fopen64)

int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

int __open64_2(const char *path, int flags)
{
    return open(path, flags);
}

int __openat_2(int folder, const char *path, int flags)
{
    return openat(folder, path, flags);
}

int __openat64_2(int folder, const char *path, int flags)
{
    return openat(folder, path, flags);
}

/* openat2 has no name in the C library. */
long syscall(long number, ...)
{
    REAL(long, syscall)
    long words[6];
    va_list more;
    va_start(more, number);
    for (int i = 0; i < 6; i++) {
        words[i] = va_arg(more, long);
    }
    va_end(more);
    int error = number == SYS_openat2 ? decide(OPEN) : 0;
    return error == 0 ? real(number, words[0], words[1], words[2], words[3], words[4], words[5])
                      : failed(error);
}

/* A descriptor is gone whatever close says. */
int close(int fd)
{
    REAL(int, close)
    int error = decide_for(CLOSE, fd);
    int code = real(fd);
    return error == 0 ? code : (int)failed(error);
}

int fclose(FILE *file)
{
    REAL(int, fclose)
    int error = decide_for(CLOSE, fileno(file));
    int code = real(file);
    return error == 0 ? code : (int)failed(error);
}

/* --- the rest --- */

#define ON_FILE(name, kind)                                \
    int name(int fd)                                       \
    {                                                      \
        REAL(int, name)                                    \
        int error = decide_for(kind, fd);                  \
        return error == 0 ? real(fd) : (int)failed(error); \
    }

ON_FILE(fsync, FSYNC)
ON_FILE(fdatasync, FSYNC)

#define CUT(name)                                                \
    int name(int fd, off_t size)                                 \
    {                                                            \
        REAL(int, name)                                          \
        int error = decide_for(TRUNCATE, fd);                    \
        return error == 0 ? real(fd, size) : (int)failed(error); \
    }

CUT(ftruncate)
CUT(ftruncate64)

/* These answer with the error itself. */
#define RESERVE(name)                                                                \
    int name(int fd, off_t offset, off_t length)                                     \
    {                                                                                \
        REAL(int, name)                                                              \
        int error = decide_for(TRUNCATE, fd);                                        \
        return error == 0 ? real(fd, offset, length) : error == SHORT ? EIO : error; \
    }

RESERVE(posix_fallocate)
RESERVE(posix_fallocate64)

int rename(const char *from, const char *to)
{
    REAL(int, rename)
    int error = decide(RENAME);
    return error == 0 ? real(from, to) : (int)failed(error);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    REAL(int, renameat)
    int error = decide(RENAME);
    return error == 0 ? real(from_folder, from, to_folder, to) : (int)failed(error);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    REAL(int, renameat2)
    int error = decide(RENAME);
    return error == 0 ? real(from_folder, from, to_folder, to, flags) : (int)failed(error);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    REAL(int, linkat)
    int error = decide(MAKE);
    return error == 0 ? real(from_folder, from, to_folder, to, flags) : (int)failed(error);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(int, mkdir)
    int error = decide(MAKE);
    return error == 0 ? real(path, mode) : (int)failed(error);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    REAL(int, mkdirat)
    int error = decide(MAKE);
    return error == 0 ? real(folder, path, mode) : (int)failed(error);
}

#define MAP(name)                                                                         \
    void *name(void *where, size_t size, int protection, int flags, int fd, off_t offset) \
    {                                                                                     \
        REAL(void *, name)                                                                \
        if (fd >= 0 && decide_for(MMAP, fd) != 0) {                                       \
            errno = ENOMEM;                                                               \
            return MAP_FAILED;                                                            \
        }                                                                                 \
        return real(where, size, protection, flags, fd, offset);                          \
    }

MAP(mmap)
MAP(mmap64)
