/* no_tiles: loaded before a program (LD_PRELOAD), refuses it the tile unit of x86, as a machine or
 * a system without one would: the answer to arch_prctl(ARCH_REQ_XCOMP_PERM, ...) is that there is
 * none. For comparing what programs do without it (compare.py).
 *
 *     cc -O2 -shared -fPIC tests/bench/no_tiles.c -o no_tiles.so
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>

#include <sys/syscall.h>

enum { ARCH_REQ_XCOMP_PERM = 0x1023, ARGUMENTS = 6 };

/* A system call has at most six arguments; those that it has not are read and passed on all the
 * same, which is what the C library does. */
long syscall(long number, ...)
{
    long a[ARGUMENTS];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < ARGUMENTS; i++) {
        a[i] = va_arg(list, long);
    }
    va_end(list);
#if defined(SYS_arch_prctl)
    if (number == SYS_arch_prctl && a[0] == ARCH_REQ_XCOMP_PERM) {
        errno = EOPNOTSUPP;
        return -1;
    }
#endif
    long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
