/* http: connections as small state machines.
 *
 *   HEAD -> BODY -> ANSWER -> HEAD ...        ANSWER, or anything refused -> LINGER -> closed
 *
 * Bytes that come are gathered in `in`; process() goes on from them as far as it can and is never
 * entered twice. Bytes that go are gathered in `out` and written when the write before has ended,
 * so that many small pieces become one. In LINGER our side is shut and what still comes is thrown
 * away: closing at once would take the answer back from a client that is still sending.
 *
 * A connection that is half closed by the client counts as gone.
 */
#include "serve/http.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    TICK_MS = 250,
    IDLE_MS = 60 * 1000,
    STALL_MS = 30 * 1000,
    LINGER_MS = 2000,
    SLOW_BYTES_PER_MS = 32, /* a body slower than this is cut off */
    READ_SIZE = 64 * 1024,
    AHEAD = 64 * 1024, /* bytes that may be sent ahead of an answer */
};

enum state { STATE_HEAD, STATE_BODY, STATE_ANSWER, STATE_LINGER, STATE_CLOSED };

/* A connection, and the exchange that it is in. */
struct http_exchange {
    uv_tcp_t tcp;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct http *http;
    struct http_exchange *next, *before;
    enum state state;
    struct str in, head, headers, out;
    struct str writing; /* on its way */
    bool is_writing, is_shut;
    struct http_request request;
    size_t scanned;    /* of the head */
    size_t body_taken; /* counted in http->bodies */
    int64_t deadline_ms, moved_ms;
    bool processing, close_after, streaming, chunked;
    void *item;
};

struct http {
    uv_tcp_t tcp;
    uv_timer_t tick;
    struct http_options options;
    struct http_exchange *connections;
    size_t count, bodies;
    int port, open_handles;
    bool closing;
    char buffer[READ_SIZE];
};

static void process(struct http_exchange *x);

static int64_t now_ms(void)
{
    return clock_monotonic_us() / 1000;
}

/* --- closing --- */

static void free_when_closed(struct http *http)
{
    if (http->closing && http->open_handles == 0 && http->count == 0) {
        mem_free(http);
    }
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct http_exchange *x = handle->data;
    struct http *http = x->http;
    str_finish(&x->in);
    str_finish(&x->head);
    str_finish(&x->headers);
    str_finish(&x->out);
    str_finish(&x->writing);
    mem_free(x);
    http->count--;
    free_when_closed(http);
}

static void give_body_back(struct http_exchange *x)
{
    x->http->bodies -= x->body_taken;
    x->body_taken = 0;
}

/* Closes the connection; whoever still works for it is told. */
static void close_connection(struct http_exchange *x)
{
    if (x->state == STATE_CLOSED) {
        return;
    }
    struct http *http = x->http;
    void *item = x->item;
    x->item = NULL;
    x->state = STATE_CLOSED;
    give_body_back(x);
    if (x->before != NULL) {
        x->before->next = x->next;
    } else {
        http->connections = x->next;
    }
    if (x->next != NULL) {
        x->next->before = x->before;
    }
    uv_close((uv_handle_t *)&x->tcp, on_connection_closed);
    if (item != NULL && !http->closing) {
        http->options.gone(http->options.context, item);
    }
}

static void on_shut(uv_shutdown_t *request, int status)
{
    struct http_exchange *x = request->data;
    if (status < 0) {
        close_connection(x);
    }
}

/* Everything is written, and nothing more is to come. */
static void linger(struct http_exchange *x)
{
    if (x->is_shut) {
        return;
    }
    x->is_shut = true;
    x->state = STATE_LINGER;
    x->deadline_ms = now_ms() + LINGER_MS;
    x->shutdown.data = x;
    str_clear(&x->in);
    if (uv_shutdown(&x->shutdown, (uv_stream_t *)&x->tcp, on_shut) != 0) {
        close_connection(x);
    }
}

/* --- writing --- */

static void flush(struct http_exchange *x);

static void on_written(uv_write_t *request, int status)
{
    struct http_exchange *x = request->data;
    x->is_writing = false;
    str_clear(&x->writing);
    if (x->state == STATE_CLOSED) {
        return;
    }
    if (status < 0) {
        close_connection(x);
        return;
    }
    x->moved_ms = now_ms();
    flush(x);
}

static void flush(struct http_exchange *x)
{
    if (x->is_writing || x->state == STATE_CLOSED) {
        return;
    }
    if (x->out.length == 0) {
        if (x->close_after && x->state == STATE_HEAD) {
            linger(x);
        }
        return;
    }
    struct str empty = x->writing;
    x->writing = x->out;
    x->out = empty;
    x->moved_ms = now_ms();
    x->is_writing = true;
    x->write.data = x;
    uv_buf_t buffer = uv_buf_init(x->writing.data, (unsigned)x->writing.length);
    if (uv_write(&x->write, (uv_stream_t *)&x->tcp, &buffer, 1, on_written) != 0) {
        x->is_writing = false;
        close_connection(x);
    }
}

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status";
}

void http_header_add(struct http_exchange *x, const char *name, const char *value)
{
    str_append_format(&x->headers, "%s: %s\r\n", name, value);
}

static void append_head(struct http_exchange *x, int status, const char *type)
{
    str_append_format(&x->out, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    if (type != NULL) {
        str_append_format(&x->out, "Content-Type: %s\r\n", type);
    }
    str_append_bytes(&x->out, x->headers.data, x->headers.length);
    str_append(&x->out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    if (x->close_after) {
        str_append(&x->out, "Connection: close\r\n");
    } else if (x->request.minor == 0) {
        str_append(&x->out, "Connection: keep-alive\r\n");
    }
}

/* The answer is complete: on to the next request, or to the end. */
static void finish(struct http_exchange *x)
{
    x->item = NULL;
    x->streaming = false;
    str_clear(&x->headers);
    x->state = STATE_HEAD;
    x->scanned = 0;
    x->deadline_ms = now_ms() + IDLE_MS;
    flush(x);
    if (x->state == STATE_HEAD && !x->processing) {
        process(x);
    }
}

void http_respond(struct http_exchange *x, int status, const char *type, const char *body,
                  size_t length)
{
    append_head(x, status, type);
    str_append_format(&x->out, "Content-Length: %zu\r\n\r\n", length);
    if (!http_view_is(x->request.method, "HEAD")) {
        str_append_bytes(&x->out, body, length);
    }
    finish(x);
}

void http_stream_begin(struct http_exchange *x, int status, const char *type)
{
    x->streaming = true;
    x->chunked = x->request.minor == 1;
    x->close_after |= !x->chunked; /* before 1.1 the end of the bytes is the end of the answer */
    append_head(x, status, type);
    str_append(&x->out, x->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    flush(x);
}

void http_stream_write(struct http_exchange *x, const char *bytes, size_t length)
{
    if (length == 0) {
        return; /* an empty chunk would be the end */
    }
    if (x->chunked) {
        str_append_format(&x->out, "%zx\r\n", length);
    }
    str_append_bytes(&x->out, bytes, length);
    if (x->chunked) {
        str_append(&x->out, "\r\n");
    }
    flush(x);
}

void http_stream_end(struct http_exchange *x)
{
    if (x->chunked) {
        str_append(&x->out, "0\r\n\r\n");
    }
    finish(x);
}

void http_exchange_set(struct http_exchange *x, void *item)
{
    x->item = item;
}

/* --- reading --- */

/* Answers what never became a request. */
static void refuse(struct http_exchange *x, int status, const char *why)
{
    struct str body;
    str_init(&body);
    str_append_format(&body,
                      "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\","
                      "\"param\":null,\"code\":null}}",
                      why);
    x->close_after = true;
    x->request.method = (struct http_view){NULL, 0};
    give_body_back(x);
    str_clear(&x->in);
    http_respond(x, status, "application/json", body.data, body.length);
    str_finish(&body);
}

/* A whole head lies at the beginning of `in`. False: it was refused. */
static bool take_head(struct http_exchange *x, size_t length)
{
    int status = 400;
    const char *why = "";
    str_clear(&x->head);
    str_append_bytes(&x->head, x->in.data, length);
    str_remove(&x->in, 0, length);
    x->scanned = 0;
    if (!http_request_parse(&x->request, x->head.data, x->head.length, &status, &why)) {
        refuse(x, status, why);
        return false;
    }
    x->close_after = !x->request.keep_alive;
    if (x->request.content_length > HTTP_BODY) {
        refuse(x, 413, "the body is larger than 16 MiB");
        return false;
    }
    if (x->http->bodies + x->request.content_length > HTTP_BODIES) {
        refuse(x, 503, "too many large requests at once");
        return false;
    }
    const struct http_options *options = &x->http->options;
    x->close_after |= x->request.content_length > 0; /* a refusal leaves the body unread */
    if (!options->admit(options->context, x, &x->request)) {
        return false;
    }
    x->close_after = !x->request.keep_alive;
    x->body_taken = (size_t)x->request.content_length;
    x->http->bodies += x->body_taken;
    x->state = STATE_BODY;
    x->deadline_ms = now_ms() + options->patience_ms + (int64_t)(x->body_taken / SLOW_BYTES_PER_MS);
    if (x->request.expects_continue && x->in.length < x->body_taken) {
        str_append(&x->out, "HTTP/1.1 100 Continue\r\n\r\n");
        flush(x);
    }
    return x->state == STATE_BODY;
}

static void read_head(struct http_exchange *x)
{
    if (x->in.length == 0) {
        return;
    }
    if (x->scanned == 0) {
        x->deadline_ms = now_ms() + x->http->options.patience_ms;
    }
    size_t length = http_request_head(x->in.data, x->in.length, &x->scanned);
    if (!http_request_plausible(x->in.data, x->in.length)) {
        refuse(x, 400, "this is not an HTTP request");
    } else if (length > HTTP_REQUEST_HEAD || (length == 0 && x->in.length >= HTTP_REQUEST_HEAD)) {
        refuse(x, 431, "the head is larger than 32 KiB");
    } else if (length > 0) {
        take_head(x, length);
    }
}

static void handle(struct http_exchange *x)
{
    const struct http_options *options = &x->http->options;
    size_t length = x->body_taken;
    x->state = STATE_ANSWER;
    options->handle(options->context, x, &x->request, x->in.data, length);
    if (x->state == STATE_CLOSED) {
        return;
    }
    give_body_back(x);
    if (x->in.length >= length) {
        str_remove(&x->in, 0, length);
    }
    if (x->in.length == 0 && x->in.capacity > READ_SIZE) {
        str_finish(&x->in);
        str_init(&x->in);
    }
}

/* Goes on from what is there until something is missing. */
static void process(struct http_exchange *x)
{
    x->processing = true;
    for (;;) {
        enum state before = x->state;
        size_t left = x->in.length;
        if (x->state == STATE_HEAD && !x->close_after) {
            read_head(x);
        }
        if (x->state == STATE_BODY && x->in.length >= x->body_taken) {
            handle(x);
        }
        if ((x->state == before && x->in.length == left) || x->in.length == 0 ||
            x->state == STATE_CLOSED) {
            break;
        }
    }
    x->processing = false;
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct http_exchange *x = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(x->http->buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct http_exchange *x = stream->data;
    if (count < 0) {
        close_connection(x);
        return;
    }
    if (x->state == STATE_LINGER || x->state == STATE_CLOSED || count == 0) {
        return;
    }
    if (x->state == STATE_HEAD && x->close_after) {
        return; /* the last answer is on its way, nothing else is read */
    }
    if (x->state == STATE_ANSWER && x->in.length + (size_t)count > AHEAD) {
        close_connection(x);
        return;
    }
    str_append_bytes(&x->in, buffer->base, (size_t)count);
    process(x);
}

/* --- accepting and time --- */

static void on_connection(uv_stream_t *server, int status)
{
    struct http *http = server->data;
    if (status < 0 || http->closing) {
        return;
    }
    struct http_exchange *x = mem_zero(1, sizeof *x);
    x->http = http;
    uv_tcp_init(http->options.loop, &x->tcp);
    x->tcp.data = x;
    str_init(&x->in);
    str_init(&x->head);
    str_init(&x->headers);
    str_init(&x->out);
    str_init(&x->writing);
    x->request.minor = 1;
    x->deadline_ms = now_ms() + http->options.patience_ms;
    x->moved_ms = now_ms();
    x->next = http->connections;
    if (x->next != NULL) {
        x->next->before = x;
    }
    http->connections = x;
    http->count++;
    if (uv_accept(server, (uv_stream_t *)&x->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&x->tcp, on_allocate, on_read) != 0) {
        close_connection(x);
        return;
    }
    uv_tcp_nodelay(&x->tcp, 1);
    if (http->count > HTTP_CONNECTIONS) {
        refuse(x, 503, "too many connections");
    }
}

static void look_at_time(struct http_exchange *x, int64_t now)
{
    bool pending = x->is_writing || x->out.length > 0;
    if (pending && (now - x->moved_ms > STALL_MS || x->out.length > HTTP_UNREAD_ANSWER)) {
        close_connection(x);
    } else if (x->state != STATE_ANSWER && now > x->deadline_ms) {
        bool began = x->state == STATE_BODY || (x->state == STATE_HEAD && x->in.length > 0);
        if (began && (x->state == STATE_BODY || !x->close_after)) {
            refuse(x, 408, "the request took too long");
        } else {
            close_connection(x);
        }
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct http *http = timer->data;
    int64_t now = now_ms();
    struct http_exchange *next;
    for (struct http_exchange *x = http->connections; x != NULL; x = next) {
        next = x->next;
        look_at_time(x, now);
    }
}

/* --- the server --- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    http->open_handles--;
    free_when_closed(http);
}

static int listen_at(struct http *http, const char *host, int port)
{
    struct sockaddr_storage address;
    int status = uv_ip4_addr(host, port, (struct sockaddr_in *)&address);
    if (status != 0) {
        status = uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address);
    }
    if (status == 0) {
        status = uv_tcp_bind(&http->tcp, (const struct sockaddr *)&address, 0);
    }
    if (status == 0) {
        status = uv_listen((uv_stream_t *)&http->tcp, 256, on_connection);
    }
    int length = sizeof address;
    if (status == 0) {
        status = uv_tcp_getsockname(&http->tcp, (struct sockaddr *)&address, &length);
    }
    if (status == 0) {
        http->port =
            ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                : ((struct sockaddr_in *)&address)->sin_port);
    }
    return status;
}

struct http *http_create(const struct http_options *options, struct err *err)
{
    struct http *http = mem_zero(1, sizeof *http);
    http->options = *options;
    uv_tcp_init(options->loop, &http->tcp);
    uv_timer_init(options->loop, &http->tick);
    http->tcp.data = http->tick.data = http;
    http->open_handles = 2;
    int status = listen_at(http, options->host, options->port);
    if (status != 0) {
        err_set(err, ERR_IO, "listening at %s port %d: %s", options->host, options->port,
                uv_strerror(status));
        http_destroy(http);
        return NULL;
    }
    uv_timer_start(&http->tick, on_tick, TICK_MS, TICK_MS);
    return http;
}

void http_destroy(struct http *http)
{
    if (http == NULL) {
        return;
    }
    http->closing = true;
    while (http->connections != NULL) {
        close_connection(http->connections);
    }
    uv_close((uv_handle_t *)&http->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&http->tick, on_handle_closed);
}

int http_port(const struct http *http)
{
    return http->port;
}
