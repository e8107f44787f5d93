/* rpc_link: two descriptors, two buffers, and the questions that are open.
 *
 * Why an epoll of our own: uv_poll makes what it watches non-blocking, and that is a property of
 * the open file, not of the descriptor, so the peer or the shell would find its own end changed;
 * after a kill -9 for good. So each descriptor sits in a small epoll, and libuv watches that. A
 * regular file or /dev/null cannot be polled and never makes a reader wait: those are read and
 * written at once.
 *
 * Without O_NONBLOCK one read after "readable" cannot wait, because nobody else reads there; a
 * write is kept to what is taken at once (MSG_DONTWAIT on a socket, PIPE_BUF bytes after "writable"
 * on a pipe).
 */
#include "rpc/rpc_link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum {
    LINE_LIMIT = 32 * 1024 * 1024,
    UNREAD_LIMIT = 64 * 1024 * 1024,
    PIECE = 64 * 1024,
    FAREWELL_MS = 2000,
};

/* One descriptor and the epoll it sits in; -1 = it cannot wait, and needs none. */
struct end {
    int descriptor, epoll;
};

/* Handles live until the loop has closed them, longer than the link watches. */
struct watch {
    struct rpc_link *link;
    uv_poll_t in, out;
    uv_timer_t due; /* callbacks that must not be made from inside a call */
    int open;
};

struct question {
    uint64_t number;
    rpc_link_answer *answer;
    void *context;
};

struct rpc_link {
    struct rpc_link_callbacks callbacks;
    struct end in, out;
    struct watch *watch;
    struct str input, output;
    size_t taken;   /* of the input: handed over, and gone when all was looked at */
    size_t scanned; /* no line's end between that and here */
    bool skipping;  /* the rest of a line that is too long */
    bool deaf;      /* rpc_link_listen(false) */
    bool input_ended, broken, told_end;
    uint64_t last_question;
    struct {
        struct question *items;
        size_t count, capacity;
    } questions;
};

/* --- output --- */

/* Writes what is taken at once; 0: nothing is. */
static ssize_t write_some(struct rpc_link *link, const char *bytes, size_t length)
{
    int descriptor = link->out.descriptor;
    ssize_t done = send(descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done < 0 && errno == ENOTSOCK) {
        struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
        if (poll(&ready, 1, 0) == 0) {
            return 0;
        }
        done = write(descriptor, bytes, length < PIPE_BUF ? length : (size_t)PIPE_BUF);
    }
    return done < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : done;
}

static void push(struct rpc_link *link)
{
    size_t done = 0;
    while (done < link->output.length && !link->broken) {
        ssize_t taken = write_some(link, link->output.data + done, link->output.length - done);
        if (taken == 0) {
            break;
        }
        link->broken = taken < 0;
        done += taken > 0 ? (size_t)taken : 0;
    }
    str_remove(&link->output, 0, done);
    link->broken |= link->output.length > UNREAD_LIMIT;
}

static void on_writable(uv_poll_t *poll, int status, int events);
static void on_readable(uv_poll_t *poll, int status, int events);
static void on_due(uv_timer_t *timer);

/* Sees to it that the loop brings what is next: room for output, input, or the end. */
static void settle(struct rpc_link *link)
{
    struct watch *watch = link->watch;
    if (watch == NULL) {
        return;
    }
    if (link->out.epoll >= 0) {
        if (link->output.length > 0 && !link->broken) {
            uv_poll_start(&watch->out, UV_READABLE, on_writable);
        } else {
            uv_poll_stop(&watch->out);
        }
    }
    bool wants = !link->deaf && !link->input_ended && !link->broken;
    if (link->in.epoll >= 0) {
        if (wants) {
            uv_poll_start(&watch->in, UV_READABLE, on_readable);
        } else {
            uv_poll_stop(&watch->in);
        }
    }
    bool ended = (link->input_ended || link->broken) && !link->told_end;
    bool waits = link->output.length > 0 && link->out.epoll < 0;
    if (!link->deaf && (ended || waits || (wants && link->in.epoll < 0))) {
        uv_timer_start(&watch->due, on_due, 0, 0);
    }
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
    struct rpc_link *link = ((struct watch *)poll->data)->link;
    (void)status, (void)events; /* write() says it better */
    push(link);
    settle(link);
}

void rpc_link_send(struct rpc_link *link, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(message);
    str_append(&link->output, text);
    str_append_char(&link->output, '\n');
    mem_free(text);
    push(link);
    settle(link);
}

void rpc_link_result(struct rpc_link *link, const json_t *id, json_t *result)
{
    rpc_link_send(link, json_rpc_result(id, result));
}

void rpc_link_error(struct rpc_link *link, const json_t *id, int code, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rpc_link_send(link, json_rpc_error(id, code, text, NULL));
}

void rpc_link_notify(struct rpc_link *link, const char *method, json_t *params)
{
    rpc_link_send(link, json_rpc_notification(method, params));
}

bool rpc_link_gone(const struct rpc_link *link)
{
    struct pollfd reader = {.fd = link->out.descriptor, .events = 0};
    return link->broken ||
           (poll(&reader, 1, 0) > 0 && (reader.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0);
}

/* --- questions --- */

uint64_t rpc_link_ask(struct rpc_link *link, const char *method, json_t *params,
                      rpc_link_answer *answer, void *context)
{
    uint64_t number = ++link->last_question;
    vec_room(&link->questions.items, &link->questions.capacity, link->questions.count + 1,
             sizeof *link->questions.items);
    link->questions.items[link->questions.count++] = (struct question){number, answer, context};
    rpc_link_send(link, json_rpc_request(number, method, params));
    return number;
}

static bool take_question(struct rpc_link *link, uint64_t number, struct question *taken)
{
    for (size_t i = 0; i < link->questions.count; i++) {
        if (link->questions.items[i].number == number) {
            *taken = link->questions.items[i];
            link->questions.count--;
            memmove(link->questions.items + i, link->questions.items + i + 1,
                    (link->questions.count - i) * sizeof *taken);
            return true;
        }
    }
    return false;
}

void rpc_link_forget(struct rpc_link *link, uint64_t question)
{
    struct question forgotten;
    take_question(link, question, &forgotten);
}

static void take_answer(struct rpc_link *link, const struct json_rpc_message *message)
{
    struct question question;
    json_int_t number = json_is_integer(message->id) ? json_integer_value(message->id) : 0;
    if (number > 0 && take_question(link, (uint64_t)number, &question)) {
        question.answer(question.context, message->result);
    }
}

/* --- input --- */

static void read_piece(struct rpc_link *link)
{
    char piece[PIECE];
    ssize_t got = read(link->in.descriptor, piece, sizeof piece);
    if (got > 0) {
        str_append_bytes(&link->input, piece, (size_t)got);
    } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
        link->input_ended = true;
    }
}

/* Passes over what is left of a line that was too long. */
static void skip(struct rpc_link *link)
{
    const struct str *input = &link->input;
    const char *end = memchr(input->data + link->taken, '\n', input->length - link->taken);
    link->taken = end != NULL ? (size_t)(end - input->data) + 1 : input->length;
    link->scanned = link->taken;
    link->skipping = end == NULL;
}

static void refuse_long_line(struct rpc_link *link)
{
    link->skipping = true;
    rpc_link_error(link, NULL, JSON_RPC_INVALID_REQUEST, "the line is longer than %d MiB",
                   LINE_LIMIT >> 20);
    skip(link);
}

/* The next line that is not empty; the last one needs no newline. */
static bool take_line(struct rpc_link *link, struct str *line)
{
    const struct str *input = &link->input;
    for (;;) {
        if (link->skipping) {
            skip(link);
        }
        const char *end = memchr(input->data + link->scanned, '\n', input->length - link->scanned);
        size_t stop = end != NULL ? (size_t)(end - input->data) : input->length;
        if (stop - link->taken > LINE_LIMIT) {
            refuse_long_line(link);
            continue;
        }
        if (end == NULL && (!link->input_ended || input->length == link->taken)) {
            link->scanned = input->length;
            return false;
        }
        str_clear(line);
        str_append_bytes(line, input->data + link->taken, stop - link->taken);
        link->taken = link->scanned = end != NULL ? stop + 1 : stop;
        if (strspn(line->data, " \t\r") < line->length) {
            return true;
        }
    }
}

static void hand_over(struct rpc_link *link, const struct str *line)
{
    struct json_rpc_message message;
    json_t *refusal;
    if (!json_rpc_parse(line->data, line->length, &message, &refusal)) {
        if (refusal != NULL) {
            rpc_link_send(link, refusal);
        }
        return;
    }
    switch (message.kind) {
    case JSON_RPC_REQUEST:
        link->callbacks.request(link->callbacks.context, &message);
        break;
    case JSON_RPC_NOTIFICATION:
        link->callbacks.notification(link->callbacks.context, &message);
        break;
    case JSON_RPC_ANSWER:
        take_answer(link, &message);
        break;
    }
    json_rpc_finish(&message);
}

static void tell_end(struct rpc_link *link)
{
    link->told_end = true;
    while (link->questions.count > 0) {
        struct question question = link->questions.items[0];
        take_question(link, question.number, &question);
        question.answer(question.context, NULL);
    }
    link->callbacks.ended(link->callbacks.context);
}

/* Hands over what was read. */
static void look(struct rpc_link *link)
{
    struct str line;
    str_init(&line);
    while (!link->deaf && !link->broken && take_line(link, &line)) {
        hand_over(link, &line);
    }
    str_finish(&line);
    str_remove(&link->input, 0, link->taken);
    link->scanned -= link->taken;
    link->taken = 0;
    bool ended = link->broken || (link->input_ended && !link->deaf);
    if (ended && !link->told_end) {
        tell_end(link);
    }
    settle(link);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct rpc_link *link = ((struct watch *)poll->data)->link;
    (void)status, (void)events; /* read() says it better */
    read_piece(link);
    look(link);
}

static void on_due(uv_timer_t *timer)
{
    struct rpc_link *link = ((struct watch *)timer->data)->link;
    if (link->in.epoll < 0 && !link->input_ended) {
        read_piece(link);
    }
    push(link);
    look(link);
}

void rpc_link_listen(struct rpc_link *link, bool listen)
{
    link->deaf = !listen;
    if (listen && link->watch != NULL) {
        uv_timer_start(&link->watch->due, on_due, 0, 0);
    }
    settle(link);
}

/* --- watching --- */

static void closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    if (--watch->open == 0) {
        mem_free(watch);
    }
}

static bool start_poll(struct watch *watch, uv_loop_t *loop, uv_poll_t *poll, int epoll,
                       struct err *err)
{
    int status = epoll >= 0 ? uv_poll_init(loop, poll, epoll) : 0;
    poll->data = watch;
    watch->open += epoll >= 0 && status == 0;
    return status == 0 || err_set(err, ERR_IO, "watching the peer: %s", uv_strerror(status));
}

bool rpc_link_watch(struct rpc_link *link, uv_loop_t *loop, struct err *err)
{
    struct watch *watch = link->watch = mem_zero(1, sizeof *watch);
    watch->link = link;
    watch->open = 1;
    uv_timer_init(loop, &watch->due);
    watch->due.data = watch;
    if (!start_poll(watch, loop, &watch->in, link->in.epoll, err)) {
        uv_close((uv_handle_t *)&watch->due, closed);
        link->watch = NULL;
        return false;
    }
    if (!start_poll(watch, loop, &watch->out, link->out.epoll, err)) {
        if (link->in.epoll >= 0) {
            uv_close((uv_handle_t *)&watch->in, closed);
        }
        uv_close((uv_handle_t *)&watch->due, closed);
        link->watch = NULL;
        return false;
    }
    uv_timer_start(&watch->due, on_due, 0, 0); /* what was read before */
    settle(link);
    return true;
}

void rpc_link_unwatch(struct rpc_link *link)
{
    struct watch *watch = link->watch;
    if (watch == NULL) {
        return;
    }
    link->watch = NULL;
    uv_close((uv_handle_t *)&watch->due, closed);
    if (link->in.epoll >= 0) {
        uv_close((uv_handle_t *)&watch->in, closed);
    }
    if (link->out.epoll >= 0) {
        uv_close((uv_handle_t *)&watch->out, closed);
    }
}

/* --- birth and return --- */

static bool open_end(struct end *end, int descriptor, uint32_t events, struct err *err)
{
    struct epoll_event event = {.events = events};
    end->descriptor = descriptor;
    end->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (end->epoll < 0) {
        return err_errno(err, ERR_IO, "watching descriptor %d", descriptor);
    }
    if (epoll_ctl(end->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0) {
        return true;
    }
    bool never_waits = errno == EPERM;
    bool ok = never_waits || err_errno(err, ERR_IO, "watching descriptor %d", descriptor);
    close(end->epoll);
    end->epoll = -1;
    return ok;
}

struct rpc_link *rpc_link_create(int in, int out, const struct rpc_link_callbacks *callbacks,
                                 struct err *err)
{
    struct rpc_link *link = mem_zero(1, sizeof *link);
    link->callbacks = *callbacks;
    link->in.epoll = link->out.epoll = -1;
    str_init(&link->input);
    str_init(&link->output);
    if (!open_end(&link->in, in, EPOLLIN, err) || !open_end(&link->out, out, EPOLLOUT, err)) {
        link->broken = true;
        rpc_link_destroy(link);
        return NULL;
    }
    return link;
}

/* The last answers are waited for, but not for long: the peer may have gone. */
static void farewell(struct rpc_link *link)
{
    int64_t end = clock_monotonic_us() + (int64_t)FAREWELL_MS * 1000;
    push(link);
    while (link->output.length > 0 && !link->broken && clock_monotonic_us() < end) {
        struct pollfd ready = {.fd = link->out.descriptor, .events = POLLOUT};
        poll(&ready, 1, 50);
        push(link);
    }
}

void rpc_link_destroy(struct rpc_link *link)
{
    if (link == NULL) {
        return;
    }
    farewell(link);
    if (link->in.epoll >= 0) {
        close(link->in.epoll);
    }
    if (link->out.epoll >= 0) {
        close(link->out.epoll);
    }
    str_finish(&link->input);
    str_finish(&link->output);
    mem_free(link->questions.items);
    mem_free(link);
}
