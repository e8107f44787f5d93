/* cli_bench: how fast a session evaluates a prompt (pp) or tokens one by one (tg).
 *
 * A third repeats, token by token, as many tokens that stood in the session just before, with one
 * in CLI_BENCH_CHANGE changed: what rewriting a file looks like. It runs with guesses by look-up
 * (edit) or without (edit-plain).
 *
 * All tests begin at a depth: tokens that stand in the session before the clock starts. Before
 * that, one other token is evaluated, so that the weights are mapped; at depth 0 the steps of tg
 * follow that token, since a session that is to go on must hold one. The token ids are arbitrary
 * but always the same; nothing is sampled. Processor time is that of the whole process (user),
 * which on a busy machine says more than the time on the wall.
 */
#ifndef CARAT_CLI_BENCH_H
#define CARAT_CLI_BENCH_H

#include <stdbool.h>
#include <stddef.h>

struct engine_error;
struct engine_model;
struct engine_session;

enum cli_bench_test {
    CLI_BENCH_PP,
    CLI_BENCH_TG,
    CLI_BENCH_EDIT,
    CLI_BENCH_EDIT_PLAIN,
    CLI_BENCH_TESTS,
    CLI_BENCH_USUAL = CLI_BENCH_EDIT, /* those before it run when none is asked for */
    CLI_BENCH_CHANGE = 40,            /* of an edit: every such token is another one */
};

enum cli_bench_form { CLI_BENCH_TABLE, CLI_BENCH_NUMBER, CLI_BENCH_JSON };

struct cli_bench {
    enum cli_bench_test test;
    size_t tokens, depth;
    double seconds, processor_seconds; /* results */
};

/* The test with this name; false when there is none. */
bool cli_bench_find(const char *name, enum cli_bench_test *test);

/* Tokens that the session must have room for. */
size_t cli_bench_room(const struct cli_bench *bench);

/* Measures what bench->test, tokens (at least 1) and depth say and sets the results. The session
 * needs room for cli_bench_room; what it held is lost. */
bool cli_bench_measure(struct cli_bench *bench, const struct engine_model *model,
                       struct engine_session *session, struct engine_error *error);

/* Prints measurements on standard output: a table; of each the tokens a second on a line of its
 * own; or a JSON array. */
void cli_bench_print(const struct cli_bench *benches, size_t count,
                     const struct engine_model *model, enum cli_bench_form form);

#endif
