#include "agent/child_pipe.h"

#include <unistd.h>

#include <uv.h>

/* Our end alone does not block, and neither is inherited but as the descriptor that it becomes. */
int child_pipe_open(struct uv_pipe_s *ours, bool child_reads, struct uv_stdio_container_s *theirs)
{
    uv_file ends[2];
    int here = child_reads ? 1 : 0;
    *theirs = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = -1};
    int status = uv_pipe(ends, here == 0 ? UV_NONBLOCK_PIPE : 0, here == 1 ? UV_NONBLOCK_PIPE : 0);
    if (status != 0) {
        return status;
    }
    status = uv_pipe_open(ours, ends[here]);
    if (status != 0) {
        close(ends[0]);
        close(ends[1]);
        return status;
    }
    theirs->data.fd = ends[1 - here];
    return 0;
}

void child_pipe_close(struct uv_stdio_container_s *theirs)
{
    if (theirs->data.fd >= 0) {
        close(theirs->data.fd);
    }
}
