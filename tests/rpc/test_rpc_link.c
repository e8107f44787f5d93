/* A link on a pair of sockets, pipes and a file: lines in pieces, a peer that reads slowly, one
 * that goes, questions, and a loop that changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "rpc/rpc_link.h"

struct seen {
    struct rpc_link *link;
    uv_loop_t *loop;
    int requests, notes, answers, refused, ended;
    bool stop; /* the loop, at each request */
};

static void on_request(void *context, const struct json_rpc_message *message)
{
    struct seen *seen = context;
    seen->requests++;
    rpc_link_result(seen->link, message->id, json_pack("{ss}", "to", message->method));
    if (seen->stop) {
        rpc_link_listen(seen->link, false);
        uv_stop(seen->loop);
    }
}

static void on_note(void *context, const struct json_rpc_message *message)
{
    (void)message;
    ((struct seen *)context)->notes++;
}

static void on_ended(void *context)
{
    struct seen *seen = context;
    seen->ended++;
    uv_stop(seen->loop);
}

static void on_answer(void *context, const json_t *result)
{
    struct seen *seen = context;
    seen->answers += result != NULL;
    seen->refused += result == NULL;
}

static void open_link(struct seen *seen, uv_loop_t *loop, int in, int out)
{
    struct err err;
    struct rpc_link_callbacks callbacks = {on_request, on_note, on_ended, seen};
    *seen = (struct seen){.loop = loop};
    assert_int_equal(uv_loop_init(loop), 0);
    seen->link = rpc_link_create(in, out, &callbacks, &err);
    assert_non_null(seen->link);
    assert_true(rpc_link_watch(seen->link, loop, &err));
}

static void close_link(struct seen *seen)
{
    rpc_link_unwatch(seen->link);
    uv_run(seen->loop, UV_RUN_DEFAULT);
    rpc_link_destroy(seen->link);
    assert_int_equal(uv_loop_close(seen->loop), 0);
}

static void say(int descriptor, const char *text)
{
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
}

static void turn(struct seen *seen, int times)
{
    while (times-- > 0) {
        uv_run(seen->loop, UV_RUN_NOWAIT);
    }
}

static void test_lines(void **state)
{
    (void)state;
    int pair[2];
    uv_loop_t loop;
    struct seen seen;
    char text[4096] = "";
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    int flags = fcntl(pair[0], F_GETFL);
    open_link(&seen, &loop, pair[0], pair[0]);
    say(pair[1], "{\"jsonrpc\":\"2.0\",\"id\":1,\"meth");
    turn(&seen, 3);
    assert_int_equal(seen.requests, 0);
    say(pair[1], "od\":\"a\"}\n\n  \r\n{\"jsonrpc\":\"2.0\",\"method\":\"b\"}\nrubbish\n");
    turn(&seen, 5);
    assert_int_equal(seen.requests, 1);
    assert_int_equal(seen.notes, 1);
    assert_true(read(pair[1], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "{\"to\":\"a\"}"));
    assert_non_null(strstr(text, "-32700"));
    assert_int_equal(fcntl(pair[0], F_GETFL), flags); /* nobody finds a changed descriptor */
    static char blank[60001];
    memset(blank, '\n', sizeof blank - 1);
    say(pair[1], blank);
    say(pair[1],
        "{\"jsonrpc\":\"2.0\",\"method\":\"c\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"d\"}\n");
    say(pair[1], "{\"jsonrpc\":\"2.0\",\"method\":\"last\"}"); /* no newline before the end */
    close(pair[1]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(seen.notes, 4);
    assert_int_equal(seen.ended, 1);
    close_link(&seen);
    close(pair[0]);
}

static void test_questions(void **state)
{
    (void)state;
    int pair[2];
    uv_loop_t loop;
    struct seen seen;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    open_link(&seen, &loop, pair[0], pair[0]);
    for (int i = 0; i < 3; i++) {
        rpc_link_ask(seen.link, "q", NULL, on_answer, &seen);
    }
    rpc_link_forget(seen.link, rpc_link_ask(seen.link, "q", NULL, on_answer, &seen));
    say(pair[1], "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n"
                 "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n"
                 "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}\n"
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}\n"
                 "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}\n");
    turn(&seen, 5);
    assert_int_equal(seen.answers, 1);
    assert_int_equal(seen.refused, 1);
    close(pair[1]); /* the third will never be answered */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(seen.refused, 2);
    close_link(&seen);
    close(pair[0]);
}

/* More than a pipe holds goes out as it is taken, and all of it. */
static void test_slow_reader(void **state)
{
    (void)state;
    int in[2], out[2];
    uv_loop_t loop;
    struct seen seen;
    static char big[300000], got[65536];
    assert_int_equal(pipe(in) + pipe(out), 0);
    open_link(&seen, &loop, in[0], out[1]);
    memset(big, 'x', sizeof big - 1);
    rpc_link_notify(seen.link, "big", json_pack("{ss}", "text", big));
    size_t total = 0;
    while (total < sizeof big) {
        turn(&seen, 2);
        ssize_t count = read(out[0], got, sizeof got);
        assert_true(count > 0);
        total += (size_t)count;
    }
    assert_false(rpc_link_gone(seen.link));
    close(out[0]); /* nobody reads any more */
    assert_true(rpc_link_gone(seen.link));
    for (int i = 0; i < 3; i++) {
        rpc_link_notify(seen.link, "more", NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(seen.ended, 1);
    close_link(&seen);
    close(in[0]), close(in[1]), close(out[1]);
}

/* A request that stops the loop is the only one until the link listens again, on another loop. */
static void test_another_loop(void **state)
{
    (void)state;
    int pair[2];
    uv_loop_t first, second;
    struct seen seen;
    struct err err;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    open_link(&seen, &first, pair[0], pair[0]);
    seen.stop = true;
    say(pair[1], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}\n"
                 "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"a\"}\n");
    uv_run(&first, UV_RUN_DEFAULT);
    assert_int_equal(seen.requests, 1);
    rpc_link_unwatch(seen.link);
    uv_run(&first, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&first), 0);
    assert_int_equal(uv_loop_init(&second), 0);
    seen.loop = &second;
    rpc_link_listen(seen.link, true);
    assert_true(rpc_link_watch(seen.link, &second, &err));
    uv_run(&second, UV_RUN_DEFAULT);
    assert_int_equal(seen.requests, 2);
    close_link(&seen);
    close(pair[0]), close(pair[1]);
}

static void test_file(void **state)
{
    (void)state;
    FILE *in = tmpfile(), *out = tmpfile();
    uv_loop_t loop;
    struct seen seen;
    fputs("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"b\"}",
          in);
    rewind(in);
    open_link(&seen, &loop, fileno(in), fileno(out));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(seen.requests, 1);
    assert_int_equal(seen.notes, 1);
    assert_int_equal(seen.ended, 1);
    close_link(&seen);
    rewind(out);
    char text[200] = "";
    assert_non_null(fgets(text, sizeof text, out));
    assert_non_null(strstr(text, "\"to\":\"a\""));
    fclose(in), fclose(out);
}

static void test_bad_descriptor(void **state)
{
    (void)state;
    struct err err;
    struct rpc_link_callbacks callbacks = {on_request, on_note, on_ended, NULL};
    assert_null(rpc_link_create(-1, 1, &callbacks, &err));
    assert_non_null(strstr(err.text, "-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),       cmocka_unit_test(test_questions),
        cmocka_unit_test(test_slow_reader), cmocka_unit_test(test_another_loop),
        cmocka_unit_test(test_file),        cmocka_unit_test(test_bad_descriptor),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
