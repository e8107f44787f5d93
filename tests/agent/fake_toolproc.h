/* fake_toolproc: toolproc.h without processes, for tests of the agent.
 *
 * Started calls wait until the test lets them end, so that every moment of a call can be looked
 * at. */
#ifndef CARAT_TESTS_AGENT_FAKE_TOOLPROC_H
#define CARAT_TESTS_AGENT_FAKE_TOOLPROC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct agent;

struct toolproc {
    char *call_id, *tool;
    json_t *arguments; /* of the call that runs; NULL = none */
    int started, opened /* of those, with hosts */, cancelled;
    char job[24]; /* the call of the job that was started last; "" = none */
    int jobs, made_jobs, jobs_cancelled;
};

void fake_toolproc_finish(struct toolproc *toolproc);

/* Ends the call that runs: output for the screen, then the result (an object in JSON). */
void fake_toolproc_end(struct toolproc *toolproc, struct agent *agent, const char *result,
                       bool failed);
void fake_toolproc_unavailable(struct toolproc *toolproc, struct agent *agent, const char *why);

#endif
