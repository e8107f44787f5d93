/* infer_remote: libcurl's multi interface on the loop.
 *
 * libcurl says which sockets it wants watched and when it wants to be woken; the loop's polls and
 * one timer do that, and every step ends in look_at_transfer. A request lives through one or more
 * transfers (attempts): `request` is its number, 0 = none. Callbacks of libcurl only take bytes and
 * notes; what follows from them is done after libcurl has returned, because a transfer must not be
 * removed from within.
 *
 * The struct outlives infer_destroy until the loop has closed its timers. Loop thread.
 */
#include "infer/infer_remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <curl/curl.h>
#include <jansson.h>
#include <uv.h>

#include "base/clock.h"
#include "base/curl_trust.h"
#include "base/curl_late.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/backoff.h"
#include "infer/remote_request.h"
#include "infer/remote_stream.h"

enum {
    ATTEMPTS = 4,
    CONNECT_SECONDS = 10,
    RETRY_AFTER_LIMIT_MS = 60 * 1000, /* a server that asks for more has no time for us */
    SECOND_LOOK_MS = 100,             /* for what has come unread */
    DONE_GRACE_MS = 500,              /* from "[DONE]" to the end of the transfer */
    ERROR_BODY_LIMIT = 64 * 1024,
};

struct infer_remote {
    struct infer infer;
    struct infer_model model;
    struct control_ids control; /* of no use: no message has ids */
    struct mailbox *events;
    struct str url, name, key;
    struct curl_slist *own_headers; /* of the configuration */
    bool responses;
    int idle_ms, total_ms, retry_ms;

    uv_loop_t *loop;
    uv_timer_t wanted; /* when libcurl wants to be called */
    uv_timer_t idle;   /* no byte came for too long */
    uv_timer_t retry;  /* the next attempt */
    int open_timers;

    CURLM *multi;
    CURL *easy; /* NULL = no transfer */
    struct curl_slist *headers;
    char message[CURL_ERROR_SIZE];

    uint64_t request;
    int64_t began_us, first_us; /* of the request, of the answer's first byte */
    int attempt;
    struct str body, failure; /* what is sent; what an answer that is none says */
    struct remote_stream *stream;
    bool any_byte;  /* of an answer: no further attempt */
    bool looked_at; /* it seemed silent; one more look */
    bool broken;    /* stream_error says why */
    bool too_long;  /* more than max_tokens, whatever the server was asked */
    int max_tokens;
    struct err stream_error;
};

/* One socket that libcurl wants watched; frees itself. */
struct watch {
    uv_poll_t poll;
    curl_socket_t socket;
    struct infer_remote *remote;
};

/* --- events --- */

/* An event with the bytes that it views. */
struct posted {
    struct infer_event event;
    char bytes[];
};

static void post(struct infer_remote *remote, struct infer_event event)
{
    struct posted *posted = mem_alloc(1, sizeof *posted + event.length);
    posted->event = event;
    if (event.length > 0) {
        memcpy(posted->bytes, event.bytes, event.length);
        posted->event.bytes = posted->bytes;
    }
    mailbox_post(remote->events, posted);
}

static void on_token(void *context, enum control control, const char *bytes, size_t length)
{
    struct infer_remote *remote = context;
    post(remote, (struct infer_event){.kind = INFER_TOKEN,
                                      .number = remote->request,
                                      .token = -1,
                                      .control = control,
                                      .bytes = bytes,
                                      .length = length});
}

/* --- the end of a request --- */

static void drop_transfer(struct infer_remote *remote)
{
    if (remote->easy != NULL) {
        curl_multi_remove_handle(remote->multi, remote->easy);
        curl_easy_cleanup(remote->easy);
        remote->easy = NULL;
    }
    curl_slist_free_all(remote->headers);
    remote->headers = NULL;
    uv_timer_stop(&remote->idle);
    uv_timer_stop(&remote->retry);
}

static void forget_request(struct infer_remote *remote)
{
    drop_transfer(remote);
    remote_stream_destroy(remote->stream);
    remote->stream = NULL;
    remote->request = 0;
    str_clear(&remote->body);
}

/* What a server says may hold the key that it was sent. */
static void hide_key(const struct infer_remote *remote, char *text)
{
    char *found;
    while (remote->key.length > 0 && (found = strstr(text, remote->key.data)) != NULL) {
        memset(found, '*', remote->key.length);
    }
}

static void fail(struct infer_remote *remote, const struct err *err)
{
    struct infer_event event = {.kind = INFER_FAILED, .number = remote->request, .error = *err};
    hide_key(remote, event.error.text);
    forget_request(remote);
    post(remote, event);
}

static void finish(struct infer_remote *remote, enum chat_stop stop)
{
    struct remote_stream_usage usage = remote_stream_usage(remote->stream);
    int64_t now = clock_monotonic_us();
    int64_t first = remote->first_us != 0 ? remote->first_us : now;
    struct infer_event event = {.kind = INFER_DONE,
                                .number = remote->request,
                                .stop = stop,
                                .prompt_total = usage.prompt,
                                .reused = usage.cached,
                                .sampled = usage.sampled,
                                .prefill_seconds = (double)(first - remote->began_us) / 1e6,
                                .decode_seconds = (double)(now - first) / 1e6};
    forget_request(remote);
    post(remote, event);
}

/* The answer's bytes have ended, well or not. */
static void finish_answer(struct infer_remote *remote)
{
    enum chat_stop stop;
    struct err err;
    if (remote_stream_end(remote->stream, &stop, &err)) {
        finish(remote, stop);
    } else {
        fail(remote, &err);
    }
}

/* --- a transfer --- */

static void start_transfer(struct infer_remote *remote);

static void on_retry(uv_timer_t *timer)
{
    start_transfer(timer->data);
}

static int left_ms(const struct infer_remote *remote)
{
    int64_t spent = (clock_monotonic_us() - remote->began_us) / 1000;
    return spent < remote->total_ms ? remote->total_ms - (int)spent : 0;
}

/* Tries again later, or gives up with these words. `asked_ms`: the server's own wish, or 0. */
static void try_again(struct infer_remote *remote, int64_t asked_ms, const struct err *err)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        random = (uint32_t)clock_monotonic_us(); /* it only has to differ */
    }
    int64_t pause = backoff_pause(remote->retry_ms, remote->attempt, asked_ms, random);
    if (++remote->attempt >= ATTEMPTS || asked_ms > RETRY_AFTER_LIMIT_MS ||
        pause > left_ms(remote)) {
        fail(remote, err);
        return;
    }
    drop_transfer(remote);
    uv_timer_start(&remote->retry, on_retry, (uint64_t)pause, 0);
}

static long status_of(const struct infer_remote *remote)
{
    long status = 0;
    curl_easy_getinfo(remote->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static void refused(struct infer_remote *remote, long status)
{
    struct err err;
    curl_off_t asked = 0;
    curl_easy_getinfo(remote->easy, CURLINFO_RETRY_AFTER, &asked);
    json_t *body = json_loadb(remote->failure.data, remote->failure.length, 0, NULL);
    const json_t *error = json_object_get(body, "error");
    const char *words = json_is_string(error)
                            ? json_string_value(error)
                            : json_string_value(json_object_get(error, "message"));
    err_set(&err, status == 401 || status == 403 ? ERR_DENIED : ERR_UNAVAILABLE,
            "the server answers with status %ld%s%.300s", status, words != NULL ? ": " : "",
            words != NULL ? words : "");
    json_decref(body);
    if (status == 429 || status >= 500) {
        try_again(remote, asked < RETRY_AFTER_LIMIT_MS ? (int64_t)asked * 1000 : INT32_MAX, &err);
    } else {
        fail(remote, &err);
    }
}

static void unreachable(struct infer_remote *remote, CURLcode code)
{
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "%s: %s", remote->url.data,
            remote->message[0] != '\0' ? remote->message : curl_easy_strerror(code));
    bool tried_in_vain = code == CURLE_PEER_FAILED_VERIFICATION ||
                         code == CURLE_SSL_CACERT_BADFILE || code == CURLE_OPERATION_TIMEDOUT;
    if (remote->any_byte || tried_in_vain) {
        fail(remote, &err);
    } else {
        try_again(remote, 0, &err);
    }
}

static void transfer_ended(struct infer_remote *remote, CURLcode code)
{
    long status = status_of(remote);
    if (remote->broken) {
        fail(remote, &remote->stream_error);
    } else if (remote->too_long) {
        finish(remote, CHAT_STOP_LENGTH);
    } else if (remote_stream_done(remote->stream)) {
        finish_answer(remote);
    } else if (status >= 200 && status < 300 &&
               (code == CURLE_OK || (remote->any_byte && code != CURLE_OPERATION_TIMEDOUT))) {
        finish_answer(remote);
    } else if (code != CURLE_OK) {
        unreachable(remote, code);
    } else {
        refused(remote, status);
    }
}

static void look_at_transfer(struct infer_remote *remote)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(remote->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE && message->easy_handle == remote->easy) {
            transfer_ended(remote, message->data.result);
        }
    }
}

static void on_idle(uv_timer_t *timer);

static void wait_for_bytes(struct infer_remote *remote)
{
    remote->looked_at = false;
    uv_timer_start(&remote->idle, on_idle, (uint64_t)remote->idle_ms, 0);
}

static void on_idle(uv_timer_t *timer)
{
    struct infer_remote *remote = timer->data;
    if (remote->stream != NULL && remote_stream_done(remote->stream)) {
        finish_answer(remote);
        return;
    }
    /* Carat itself may have stood still (a disk that is waited for), and the bytes lie unread. */
    if (!remote->looked_at) {
        remote->looked_at = true;
        uv_timer_start(timer, on_idle, SECOND_LOOK_MS, 0);
        return;
    }
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "%s: nothing came from the server for %d seconds",
            remote->url.data, (remote->idle_ms + 999) / 1000);
    fail(remote, &err);
}

/* libcurl's: bytes of the answer. Another return than the length ends the transfer. */
static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct infer_remote *remote = context;
    size_t length = size * count;
    long status = status_of(remote);
    wait_for_bytes(remote);
    if (status < 200 || status >= 300) {
        size_t room = ERROR_BODY_LIMIT - remote->failure.length;
        str_append_bytes(&remote->failure, bytes, length < room ? length : room);
        return length;
    }
    if (!remote->any_byte) {
        remote->any_byte = true;
        remote->first_us = clock_monotonic_us();
    }
    remote->broken = !remote_stream_feed(remote->stream, bytes, length, &remote->stream_error);
    if (remote_stream_done(remote->stream)) {
        uv_timer_start(&remote->idle, on_idle, DONE_GRACE_MS, 0);
    }
    remote->too_long =
        !remote->broken && remote_stream_pieces(remote->stream) > (size_t)remote->max_tokens;
    return remote->broken || remote->too_long ? 0 : length;
}

static bool set_options(struct infer_remote *remote, CURL *curl)
{
    CURLcode failed = 0;
#define SET(option, value) failed |= curl_easy_setopt(curl, option, value)
    SET(CURLOPT_URL, remote->url.data);
    SET(CURLOPT_ERRORBUFFER, remote->message);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* also turns off http_proxy and the like */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_USERAGENT, "carat");
    SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    SET(CURLOPT_TIMEOUT_MS, (long)left_ms(remote) + 1);
    SET(CURLOPT_HTTPHEADER, remote->headers);
    SET(CURLOPT_POSTFIELDS, remote->body.data);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)remote->body.length);
    SET(CURLOPT_WRITEFUNCTION, take_bytes);
    SET(CURLOPT_WRITEDATA, remote);
#undef SET
    failed |= curl_trust_apply(curl);
    return failed == 0;
}

static bool add_header(struct infer_remote *remote, const char *text)
{
    struct curl_slist *longer = curl_slist_append(remote->headers, text);
    remote->headers = longer != NULL ? longer : remote->headers;
    return longer != NULL;
}

static bool add_headers(struct infer_remote *remote)
{
    bool ok = add_header(remote, "Content-Type: application/json") &&
              add_header(remote, "Accept: text/event-stream") && add_header(remote, "Expect:");
    for (const struct curl_slist *own = remote->own_headers; ok && own != NULL; own = own->next) {
        ok = add_header(remote, own->data);
    }
    if (ok && remote->key.length > 0) {
        struct str header;
        str_init(&header);
        str_append_format(&header, "Authorization: Bearer %s", remote->key.data);
        ok = add_header(remote, header.data);
        explicit_bzero(header.data, header.length);
        str_finish(&header);
    }
    return ok;
}

static void start_transfer(struct infer_remote *remote)
{
    str_clear(&remote->failure);
    remote->message[0] = '\0';
    remote->easy = curl_easy_init();
    bool ok = remote->easy != NULL && add_headers(remote) && set_options(remote, remote->easy);
    ok = ok && curl_multi_add_handle(remote->multi, remote->easy) == CURLM_OK;
    if (!ok) {
        struct err err;
        err_set(&err, ERR_UNAVAILABLE, "%s: the request could not be started", remote->url.data);
        fail(remote, &err);
        return;
    }
    wait_for_bytes(remote);
}

/* --- libcurl on the loop --- */

static void on_wanted(uv_timer_t *timer)
{
    struct infer_remote *remote = timer->data;
    int running;
    curl_multi_socket_action(remote->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    look_at_transfer(remote);
}

static int want_timer(CURLM *multi, long milliseconds, void *context)
{
    struct infer_remote *remote = context;
    (void)multi;
    if (milliseconds < 0) {
        uv_timer_stop(&remote->wanted);
    } else {
        uv_timer_start(&remote->wanted, on_wanted, (uint64_t)milliseconds, 0);
    }
    return 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct infer_remote *remote = watch->remote;
    int running, flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(remote->multi, watch->socket, flags, &running);
    look_at_transfer(remote);
}

static void free_watch(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static int want_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *known)
{
    struct infer_remote *remote = context;
    struct watch *watch = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            curl_multi_assign(remote->multi, socket, NULL);
            uv_poll_stop(&watch->poll);
            uv_close((uv_handle_t *)&watch->poll, free_watch);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = mem_zero(1, sizeof *watch);
        watch->socket = socket;
        watch->remote = remote;
        watch->poll.data = watch;
        if (uv_poll_init_socket(remote->loop, &watch->poll, socket) != 0) {
            mem_free(watch);
            return -1;
        }
        curl_multi_assign(remote->multi, socket, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, on_socket) == 0 ? 0 : -1;
}

/* --- the interface --- */

static void remote_submit(struct infer *infer, struct infer_request *request)
{
    struct infer_remote *remote = (struct infer_remote *)infer;
    if (remote->request != 0) {
        post(remote, (struct infer_event){
                         .kind = INFER_DONE, .number = remote->request, .stop = CHAT_STOP_CANCEL});
        forget_request(remote);
    }
    chat_prompt_finish(&request->prompt);
    chat_prompt_init(&request->prompt);
    remote->request = request->number;
    remote->began_us = clock_monotonic_us();
    remote->first_us = 0;
    remote->attempt = 0;
    remote->any_byte = remote->broken = remote->too_long = false;
    remote->max_tokens = request->max_tokens;
    remote->stream = remote_stream_create(&(struct remote_stream_options){
        .token = on_token, .context = remote, .responses = remote->responses});
    struct err err;
    bool ok = remote->responses
                  ? remote_request_append_responses(&remote->body, request, remote->name.data, &err)
                  : remote_request_append(&remote->body, request, remote->name.data, &err);
    if (ok) {
        start_transfer(remote);
    } else {
        fail(remote, &err);
    }
}

static void remote_cancel(struct infer *infer)
{
    struct infer_remote *remote = (struct infer_remote *)infer;
    if (remote->request != 0) {
        finish(remote, CHAT_STOP_CANCEL);
    }
}

static void remote_poll(struct infer *infer, infer_callback *callback, void *context)
{
    struct infer_remote *remote = (struct infer_remote *)infer;
    void **items;
    size_t count = mailbox_take(remote->events, &items);
    for (size_t i = 0; i < count; i++) {
        callback(context, &((struct posted *)items[i])->event);
        mem_free(items[i]);
    }
    mem_free(items);
}

static const struct infer_model *remote_model(const struct infer *infer)
{
    return &((const struct infer_remote *)infer)->model;
}

static const struct control_ids *remote_control(const struct infer *infer)
{
    return &((const struct infer_remote *)infer)->control;
}

static void timer_closed(uv_handle_t *handle)
{
    struct infer_remote *remote = handle->data;
    if (--remote->open_timers == 0) {
        mem_free(remote);
    }
}

static void remote_destroy(struct infer *infer)
{
    struct infer_remote *remote = (struct infer_remote *)infer;
    forget_request(remote);
    curl_multi_cleanup(remote->multi);
    mailbox_destroy(remote->events);
    if (remote->key.length > 0) {
        explicit_bzero(remote->key.data, remote->key.length);
    }
    curl_slist_free_all(remote->own_headers);
    str_finish(&remote->url);
    str_finish(&remote->name);
    str_finish(&remote->key);
    str_finish(&remote->body);
    str_finish(&remote->failure);
    uv_close((uv_handle_t *)&remote->wanted, timer_closed);
    uv_close((uv_handle_t *)&remote->idle, timer_closed);
    uv_close((uv_handle_t *)&remote->retry, timer_closed);
}

static const struct infer_ops remote_ops = {
    .submit = remote_submit,
    .cancel = remote_cancel,
    .poll = remote_poll,
    .model = remote_model,
    .control = remote_control,
    .destroy = remote_destroy,
};

/* --- birth --- */

static bool is_this_machine(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

/* A key, or a header that is named as those are in which keys are sent. */
static bool has_secret(const struct infer_remote_options *options)
{
    static const char *const words[] = {"authorization", "cookie", "key", "token", "secret"};
    bool found = options->key != NULL;
    for (size_t i = 0; i < options->header_count; i++) {
        char name[128] = "";
        snprintf(name, sizeof name, "%.*s", (int)strcspn(options->headers[i], ":"),
                 options->headers[i]);
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
            found |= strcasestr(name, words[k]) != NULL;
        }
    }
    return found;
}

/* What the URL must be, before anything is sent to it. */
static bool check_url(const struct infer_remote_options *options, struct err *err)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL;
    bool ok = true;
    if (url == NULL || curl_url_set(url, CURLUPART_URL, options->url, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        ok = err_set(err, ERR_ARGUMENT,
                     "\"%.200s\" is not an address of a server: expected for "
                     "example https://example.org/v1",
                     options->url);
    } else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK ||
               curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK) {
        ok = err_set(err, ERR_ARGUMENT, "the address of a server holds no user name and no query");
    } else if (has_secret(options) && strcmp(scheme, "http") == 0 && !is_this_machine(host)) {
        ok = err_set(err, ERR_ARGUMENT,
                     "the key would be sent to %.100s in the clear: use https, or no key", host);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(query);
    curl_url_cleanup(url);
    return ok;
}

static bool check_options(const struct infer_remote_options *options, struct err *err)
{
    for (const char *c = options->key; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F) {
            return err_set(err, ERR_ARGUMENT, "the key holds a blank or a control character");
        }
    }
    return check_url(options, err);
}

static void append_url(struct str *out, const char *url, bool responses)
{
    str_append(out, url);
    while (out->length > 0 && out->data[out->length - 1] == '/') {
        str_truncate(out, out->length - 1);
    }
    str_append(out, responses ? "/responses" : "/chat/completions");
}

static void open_timer(struct infer_remote *remote, uv_timer_t *timer)
{
    uv_timer_init(remote->loop, timer);
    timer->data = remote;
    remote->open_timers++;
}

struct infer *infer_remote_create(const struct infer_remote_options *options, struct err *err)
{
    if (!curl_late_load(err) || !check_options(options, err)) {
        return NULL;
    }
    CURLM *multi = curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? curl_multi_init() : NULL;
    if (multi == NULL) {
        err_set(err, ERR_UNAVAILABLE, "libcurl could not be started");
        return NULL;
    }
    struct infer_remote *remote = mem_zero(1, sizeof *remote);
    remote->infer.ops = &remote_ops;
    str_init(&remote->url);
    str_init(&remote->name);
    str_init(&remote->key);
    str_init(&remote->body);
    str_init(&remote->failure);
    append_url(&remote->url, options->url, options->responses);
    remote->responses = options->responses;
    for (size_t i = 0; i < options->header_count; i++) {
        remote->own_headers = curl_slist_append(remote->own_headers, options->headers[i]);
    }
    str_append(&remote->name, options->model);
    str_append(&remote->key, options->key != NULL ? options->key : "");
    remote->idle_ms = options->idle_ms;
    remote->total_ms = options->total_ms;
    remote->retry_ms = options->retry_ms;
    remote->model = (struct infer_model){.name = remote->name.data,
                                         .path = remote->url.data,
                                         .context = options->context,
                                         .conversation = true,
                                         .sampling = {.temperature = -1}};
    memset(&remote->control, 0xFF, sizeof remote->control);
    remote->events = mailbox_create(options->wake, options->wake_context, mem_free);
    remote->loop = options->loop;
    open_timer(remote, &remote->wanted);
    open_timer(remote, &remote->idle);
    open_timer(remote, &remote->retry);
    remote->multi = multi;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, remote);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, remote);
    post(remote, (struct infer_event){.kind = INFER_READY});
    return &remote->infer;
}
