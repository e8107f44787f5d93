/* infer_remote when carat itself stood still, for a disk that is waited for, say: what lies in the
 * socket unread is no silence of the server; silence is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "chat/conversation.h"
#include "infer/infer_remote.h"

enum { IDLE_MS = 2000 }; /* of which the server may need a good part to be run at all */

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"late\"},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

/* A server for one request, which it answers when it is told to; and the loop that asks it. */
struct both {
    int listener;
    atomic_bool asked;
    sem_t answer, answered;
    bool answers;

    struct infer *infer;
    size_t tokens;
    struct infer_event last; /* DONE or FAILED */
    bool ended;
};

static void *serve(void *context)
{
    struct both *both = context;
    int connection = accept(both->listener, NULL, NULL);
    char head[8192];
    atomic_store(&both->asked, recv(connection, head, sizeof head, 0) > 0);
    sem_wait(&both->answer);
    if (both->answers) {
        send(connection, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
    }
    sem_post(&both->answered);
    if (!both->answers) {
        while (recv(connection, head, sizeof head, 0) > 0) {
        }
    }
    close(connection);
    return NULL;
}

static void on_event(void *context, const struct infer_event *event)
{
    struct both *both = context;
    both->tokens += event->kind == INFER_TOKEN;
    if (event->kind == INFER_DONE || event->kind == INFER_FAILED) {
        both->last = *event;
        both->ended = true;
    }
}

static void wake(void *context)
{
    (void)context; /* the loop below looks at each turn */
}

/* At the end of a turn of the loop, so that the next begins with timers that are over. */
static void stand_still(uv_check_t *check)
{
    struct both *both = check->data;
    infer_poll(both->infer, on_event, both);
    if (atomic_exchange(&both->asked, false)) {
        sem_post(&both->answer);
        sem_wait(&both->answered);
        nanosleep(&(struct timespec){.tv_sec = IDLE_MS / 1000 + 1}, NULL);
    }
}

static void nothing(uv_timer_t *timer)
{
    (void)timer; /* but a turn of the loop */
}

static void ask(struct both *both, bool answers)
{
    *both = (struct both){.listener = socket(AF_INET, SOCK_STREAM, 0), .answers = answers};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_int_equal(bind(both->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(both->listener, 1), 0);
    getsockname(both->listener, (struct sockaddr *)&address, &length);
    sem_init(&both->answer, 0, 0);
    sem_init(&both->answered, 0, 0);
    pthread_t server;
    assert_int_equal(pthread_create(&server, NULL, serve, both), 0);

    uv_loop_t loop;
    uv_check_t check = {.data = both};
    uv_timer_t tick;
    uv_loop_init(&loop);
    uv_check_init(&loop, &check);
    uv_check_start(&check, stand_still);
    uv_timer_init(&loop, &tick);
    uv_timer_start(&tick, nothing, 1, 1);

    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", ntohs(address.sin_port));
    struct err err;
    both->infer = infer_remote_create(&(struct infer_remote_options){.loop = &loop,
                                                                     .url = url,
                                                                     .model = "x",
                                                                     .idle_ms = IDLE_MS,
                                                                     .total_ms = 60000,
                                                                     .retry_ms = 60000,
                                                                     .wake = wake},
                                      &err);
    assert_non_null(both->infer);
    struct chat_message message;
    chat_message_init(&message, CHAT_USER);
    chat_message_set_text(&message, "hello", 5);
    struct chat_conversation conversation = {.messages = &message, .count = 1};
    struct infer_request request = {.number = 1, .max_tokens = 10, .conversation = &conversation};
    chat_prompt_init(&request.prompt);
    infer_submit(both->infer, &request);
    chat_message_finish(&message);
    while (!both->ended) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    infer_destroy(both->infer);
    uv_close((uv_handle_t *)&check, NULL);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    pthread_join(server, NULL);
    close(both->listener);
    sem_destroy(&both->answer);
    sem_destroy(&both->answered);
}

static void unread(void **state)
{
    (void)state;
    struct both both;
    ask(&both, true);
    assert_int_equal(both.last.kind, INFER_DONE);
    assert_int_equal(both.last.stop, CHAT_STOP_TURN);
    assert_int_equal(both.tokens, 2); /* the word and the end of the turn */
}

static void silent(void **state)
{
    (void)state;
    struct both both;
    ask(&both, false);
    assert_int_equal(both.last.kind, INFER_FAILED);
    assert_non_null(strstr(both.last.error.text, "nothing came from the server"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unread), cmocka_unit_test(silent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
