/* mcp_gone: waits for a server that was killed. Blocks, but not for long.
 *
 * What is killed still does what it was at. A sandboxed tool's processes die one after the other,
 * each because the one before it is gone; the last of them hold the tool's output.
 */
#ifndef CARAT_MCP_MCP_GONE_H
#define CARAT_MCP_MCP_GONE_H

#include <stdint.h>
#include <sys/types.h>

/* Until the process has exited and nobody holds the other end of `output`, at most until that
 * moment of clock_monotonic_us. Takes nothing of its end from who waits for the process. */
void mcp_gone_wait(pid_t process, int output, int64_t until_us);

#endif
