#include "mcp/mcp_gone.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

void mcp_gone_wait(pid_t process, int output, int64_t until_us)
{
    int ended = (int)syscall(SYS_pidfd_open, process, 0);
    struct pollfd ends[] = {{.fd = ended, .events = POLLIN}, {.fd = output}};
    int64_t left_us = until_us - clock_monotonic_us();
    while ((ends[0].fd >= 0 || ends[1].fd >= 0) && left_us > 0) {
        poll(ends, 2, (int)(left_us / 1000) + 1);
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            ends[i].fd = ends[i].revents != 0 ? -1 : ends[i].fd;
        }
        left_us = until_us - clock_monotonic_us();
    }
    if (ended >= 0) {
        close(ended);
    }
}
