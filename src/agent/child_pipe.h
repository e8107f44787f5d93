/* child_pipe: pipes to a program of the user's that libuv starts.
 *
 * What UV_CREATE_PIPE makes is a pair of sockets, and a socket cannot be opened by its name: in a
 * program that has one, `cat /dev/stdin` and `echo no > /dev/stderr` fail. Loop thread.
 */
#ifndef CARAT_AGENT_CHILD_PIPE_H
#define CARAT_AGENT_CHILD_PIPE_H

#include <stdbool.h>

struct uv_pipe_s;
struct uv_stdio_container_s;

/* Opens `ours`, which is initialised, on one end of a pipe and puts the other in `theirs` for
 * uv_spawn; 0, or libuv's error: uv_spawn fails then too, and makes the process's handle as always.
 * child_pipe_close after it. */
int child_pipe_open(struct uv_pipe_s *ours, bool child_reads, struct uv_stdio_container_s *theirs);
void child_pipe_close(struct uv_stdio_container_s *theirs);

#endif
