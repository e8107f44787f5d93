/* serve: routes, and the way of a request.
 *
 *   admit (head):   Host, Origin, route, method, token
 *   handle (body):  JSON -> dialect -> task (-> intake) -> prompt -> pool
 *   the pool's events, by number -> answer -> dialect -> http
 *   gone:           the pool is told to stop; the answer is thrown away when it has
 */
#include "serve/serve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"
#include "chat/render.h"
#include "serve/access.h"
#include "serve/answer.h"
#include "serve/http.h"

struct serve {
    struct serve_options options;
    uv_async_t woke;
    struct infer_pool *pool;
    struct http *http;
    char model[128];
    struct answer **answers; /* that run */
    size_t count, capacity;
    uint64_t numbers;
    size_t decoding; /* answers whose pictures and sounds are being decoded */
    bool closing;
};

struct route {
    const char *method, *path;
    bool open; /* without a token */
    const struct dialect *dialect;
    json_t *(*get)(const struct serve *serve); /* instead of a dialect */
};

/* --- answers that need no model --- */

static json_t *get_health(const struct serve *serve)
{
    return json_pack("{ss,sI}", "status", "ok", "busy", (json_int_t)infer_pool_busy(serve->pool));
}

static json_t *get_models(const struct serve *serve)
{
    const struct infer_pool_facts *facts = infer_pool_facts(serve->pool);
    return json_pack("{ss,s[{ss,ss,si,ss,si}]}", "object", "list", "data", "id", serve->model,
                     "object", "model", "created", 0, "owned_by", "carat", "context_length",
                     facts->model.context);
}

static json_t *details(void)
{
    return json_pack("{ss,ss,ss,s[s],ss,ss}", "parent_model", "", "format", "gguf", "family",
                     "gemma4", "families", "gemma4", "parameter_size", "", "quantization_level",
                     "");
}

static json_t *get_tags(const struct serve *serve)
{
    const struct infer_pool_facts *facts = infer_pool_facts(serve->pool);
    char digest[17];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)facts->fingerprint);
    return json_pack("{s[{ss,ss,ss,sI,ss,so}]}", "models", "name", serve->model, "model",
                     serve->model, "modified_at", "1970-01-01T00:00:00Z", "size",
                     (json_int_t)facts->file_bytes, "digest", digest, "details", details());
}

static json_t *get_show(const struct serve *serve)
{
    const struct infer_pool_facts *facts = infer_pool_facts(serve->pool);
    return json_pack("{ss,ss,so,s{ss,si},s[sss*]}", "modelfile", "", "template", "", "details",
                     details(), "model_info", "general.architecture", "gemma4",
                     "gemma4.context_length", facts->model.context, "capabilities", "completion",
                     "tools", facts->model.sees ? "vision" : NULL);
}

static json_t *get_version(const struct serve *serve)
{
    return json_pack("{ss}", "version", serve->options.version);
}

static const struct route routes[] = {
    {"GET", "/health", true, NULL, get_health},
    {"POST", "/v1/chat/completions", false, &openai_chat_dialect, NULL},
    {"POST", "/v1/responses", false, &openai_responses_dialect, NULL},
    {"GET", "/v1/models", false, NULL, get_models},
    {"POST", "/api/chat", false, &ollama_chat_dialect, NULL},
    {"POST", "/api/generate", false, &ollama_generate_dialect, NULL},
    {"GET", "/api/tags", false, NULL, get_tags},
    {"POST", "/api/show", false, NULL, get_show},
    {"GET", "/api/version", false, NULL, get_version},
};

static const struct route *find_route(struct http_view method, struct http_view path,
                                      const char **allowed)
{
    *allowed = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (http_view_is(path, routes[i].path)) {
            bool head = http_view_is(method, "HEAD") && strcmp(routes[i].method, "GET") == 0;
            if (head || http_view_is(method, routes[i].method)) {
                return &routes[i];
            }
            *allowed = routes[i].method;
        }
    }
    return NULL;
}

static void respond_json(struct http_exchange *exchange, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    http_respond(exchange, status, "application/json", text != NULL ? text : "{}",
                 text != NULL ? strlen(text) : 2);
    free(text);
    json_decref(body);
}

static void respond_fault(struct http_exchange *exchange, const struct dialect *dialect,
                          const struct fault *fault)
{
    respond_json(exchange, fault->status,
                 dialect != NULL ? dialect->fault(fault) : fault_openai(fault));
}

static void respond_request_fault(struct http_exchange *exchange, const struct dialect *dialect,
                                  const struct fault *fault)
{
    if (fault->status == 429) {
        http_header_add(exchange, "Retry-After", "1");
    }
    respond_fault(exchange, dialect, fault);
}

/* --- who may ask --- */

static bool origin_allowed(const struct serve *serve, struct http_view origin)
{
    for (size_t i = 0; i < serve->options.origin_count; i++) {
        if (http_view_is(origin, serve->options.origins[i])) {
            return true;
        }
    }
    return false;
}

/* A page that may send requests: it must be told so. */
static void add_origin(struct http_exchange *exchange, struct http_view origin)
{
    char text[512];
    if (origin.length < sizeof text) {
        memcpy(text, origin.text, origin.length);
        text[origin.length] = '\0';
        http_header_add(exchange, "Access-Control-Allow-Origin", text);
        http_header_add(exchange, "Access-Control-Allow-Headers", "authorization, content-type");
        http_header_add(exchange, "Access-Control-Allow-Methods", "GET, POST");
        http_header_add(exchange, "Vary", "Origin");
    }
}

/* Host, Origin: false with the fault. */
static bool check_caller(const struct serve *serve, struct http_exchange *exchange,
                         const struct http_request *request, struct fault *fault)
{
    struct http_view origin = http_request_header(request, "origin");
    if (!access_host_fits(http_request_header(request, "host"), serve->options.host)) {
        return fault_set(fault, 421, "wrong_host", NULL,
                         "this server answers to localhost and loopback addresses alone");
    }
    if (origin.text == NULL) {
        return true;
    }
    if (!origin_allowed(serve, origin)) {
        return fault_set(fault, 403, "origin_not_allowed", NULL,
                         "pages of this origin may not send requests (serve.origins)");
    }
    add_origin(exchange, origin);
    return true;
}

static bool check_request(const struct serve *serve, struct http_exchange *exchange,
                          const struct http_request *request, struct fault *fault)
{
    const char *allowed;
    const struct route *route = find_route(request->method, request->path, &allowed);
    if (route == NULL && allowed == NULL) {
        return fault_set(fault, 404, "not_found", NULL, "there is no such path: %.*s",
                         (int)request->path.length, request->path.text);
    }
    bool needs_token = serve->options.token != NULL && (route == NULL || !route->open);
    if (needs_token && !access_token_fits(request, serve->options.token)) {
        http_header_add(exchange, "WWW-Authenticate", "Bearer");
        return fault_set(fault, 401, "invalid_api_key", NULL,
                         "a token is needed: Authorization: Bearer TOKEN");
    }
    if (route == NULL) {
        http_header_add(exchange, "Allow", allowed);
        return fault_set(fault, 405, "method_not_allowed", NULL, "this path takes %s", allowed);
    }
    return true;
}

static bool on_admit(void *context, struct http_exchange *exchange,
                     const struct http_request *request)
{
    const struct serve *serve = context;
    struct fault fault;
    if (!check_caller(serve, exchange, request, &fault)) {
        respond_fault(exchange, NULL, &fault);
        return false;
    }
    if (http_view_is(request->method, "OPTIONS") &&
        http_request_header(request, "origin").text != NULL) {
        http_respond(exchange, 204, NULL, "", 0);
        return false;
    }
    if (!check_request(serve, exchange, request, &fault)) {
        respond_fault(exchange, NULL, &fault);
        return false;
    }
    return true;
}

/* --- a request for the model --- */

static bool check_model(const struct serve *serve, const json_t *body, struct fault *fault)
{
    const char *name = json_string_value(json_object_get(body, "model"));
    size_t length = strlen(serve->model);
    if (name == NULL || name[0] == '\0' || strcmp(name, "carat") == 0 ||
        (strncmp(name, serve->model, length) == 0 &&
         (name[length] == '\0' || strcmp(name + length, ":latest") == 0))) {
        return true;
    }
    return fault_set(fault, 404, "model_not_found", "model",
                     "there is no model %.80s here; there is %s", name, serve->model);
}

static json_t *parse_body(const char *body, size_t length, struct fault *fault)
{
    json_error_t where;
    json_t *value = json_loadb(body, length, JSON_REJECT_DUPLICATES, &where);
    if (value == NULL) {
        fault_set(fault, 400, "invalid_json", NULL, "the body is not JSON: line %d, column %d: %s",
                  where.line, where.column, where.text);
    } else if (!json_is_object(value)) {
        fault_set(fault, 400, "invalid_json", NULL, "the body is not a JSON object");
        json_decref(value);
        value = NULL;
    }
    return value;
}

static bool render(const struct serve *serve, const struct task *task, struct chat_prompt *prompt,
                   struct fault *fault)
{
    struct err err;
    struct chat_render_options options = {
        .enable_thinking = task->thinking,
        .large_model = infer_pool_facts(serve->pool)->model.large,
        .add_generation_prompt = true,
    };
    return chat_render(prompt, task->conversation.messages, task->conversation.count, task->tools,
                       &options, NULL, &err) ||
           fault_from_err(fault, 400, "invalid_value", "messages", &err);
}

/* Hands the answer's task to the model. */
static bool submit(struct serve *serve, struct answer *answer, struct fault *fault)
{
    struct err err;
    struct chat_prompt prompt;
    chat_prompt_init(&prompt);
    bool ok = render(serve, &answer->task, &prompt, fault);
    if (ok && !answer_submit(answer, &prompt, &err)) {
        ok = err.code == ERR_FULL
                 ? fault_set(fault, 429, "queue_full", NULL, "too many requests: %s", err.text)
                 : fault_from_err(fault, 400, "invalid_value", NULL, &err);
    }
    chat_prompt_finish(&prompt);
    if (ok) {
        vec_room(&serve->answers, &serve->capacity, serve->count + 1, sizeof(struct answer *));
        serve->answers[serve->count++] = answer;
    }
    return ok;
}

/* An answer whose pictures and sounds are being decoded. */
struct decoding {
    struct serve *serve;
    struct answer *answer;
};

static void on_decoded(void *context, const struct err *err)
{
    struct decoding *decoding = context;
    struct serve *serve = decoding->serve;
    struct answer *answer = decoding->answer;
    struct http_exchange *exchange = answer->options.exchange;
    struct fault fault;
    mem_free(decoding);
    serve->decoding--;
    if (serve->closing || exchange == NULL) { /* nobody waits for it any more */
        answer_destroy(answer);
        return;
    }
    bool ok = err == NULL || fault_from_err(&fault, 400, "unsupported_content", "messages", err);
    if (!ok || !submit(serve, answer, &fault)) {
        http_exchange_set(exchange, NULL);
        respond_request_fault(exchange, answer->options.dialect, &fault);
        answer_destroy(answer);
    }
}

static bool start_decoding(struct serve *serve, struct answer *answer, struct fault *fault)
{
    const struct infer_pool_facts *facts = infer_pool_facts(serve->pool);
    size_t most = (size_t)facts->sessions + (size_t)serve->options.pool.queue;
    if (!facts->model.sees || serve->options.decode == NULL) {
        return fault_set(fault, 400, "unsupported_content", "messages",
                         "this model has no encoders of pictures and sounds (carat serve --mmproj "
                         "FILE)");
    }
    if (serve->decoding + infer_pool_busy(serve->pool) >= most) {
        return fault_set(fault, 429, "queue_full", NULL, "too many requests run or wait already");
    }
    struct decoding *decoding = mem_zero(1, sizeof *decoding);
    *decoding = (struct decoding){serve, answer};
    serve->decoding++;
    intake_start(&(struct intake_options){.loop = serve->options.loop,
                                          .decode = serve->options.decode,
                                          .decode_context = serve->options.decode_context,
                                          .done = on_decoded,
                                          .context = decoding},
                 &answer->task.conversation);
    return true;
}

/* Makes an answer of the task, which moves, and sets it on its way. */
static bool begin_answer(struct serve *serve, struct http_exchange *exchange,
                         const struct dialect *dialect, struct task *task, struct fault *fault)
{
    struct answer_options options = {.dialect = dialect,
                                     .pool = serve->pool,
                                     .exchange = exchange,
                                     .model = serve->model,
                                     .number = ++serve->numbers};
    struct answer *answer = answer_create(&options, task);
    bool ok = answer->task.media_count > 0 ? start_decoding(serve, answer, fault)
                                           : submit(serve, answer, fault);
    if (!ok) {
        answer_destroy(answer);
        return false;
    }
    http_exchange_set(exchange, answer);
    return true;
}

static bool answer_request(struct serve *serve, struct http_exchange *exchange,
                           const struct dialect *dialect, const char *body, size_t length,
                           struct fault *fault)
{
    json_t *value = parse_body(body, length, fault);
    if (value == NULL) {
        return false;
    }
    const struct infer_model *model = &infer_pool_facts(serve->pool)->model;
    struct task task;
    task_init(&task, model);
    bool ok = check_model(serve, value, fault) && dialect->read(&task, value, fault);
    json_decref(value);
    if (!ok) {
        task_finish(&task);
        return false;
    }
    if (task.max_tokens == 0 || task.max_tokens > model->context) {
        task.max_tokens = model->context;
    }
    return begin_answer(serve, exchange, dialect, &task, fault);
}

static void on_handle(void *context, struct http_exchange *exchange,
                      const struct http_request *request, const char *body, size_t length)
{
    struct serve *serve = context;
    struct fault fault;
    const char *allowed;
    const struct route *route = find_route(request->method, request->path, &allowed);
    assert(route != NULL); /* what has none was turned away before its body came (on_admit) */
    if (route->get != NULL) {
        respond_json(exchange, 200, route->get(serve));
        return;
    }
    if (!answer_request(serve, exchange, route->dialect, body, length, &fault)) {
        respond_request_fault(exchange, route->dialect, &fault);
    }
}

static void on_gone(void *context, void *item)
{
    struct serve *serve = context;
    struct answer *answer = item;
    answer->options.exchange = NULL;
    infer_pool_cancel(serve->pool, answer->options.number);
}

/* --- the model's side --- */

/* "gemma-4-E2B-it-Q4_0" of ".../gemma-4-E2B-it-Q4_0.gguf". */
static void name_model(struct serve *serve, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(serve->model, sizeof serve->model, "%s", slash != NULL ? slash + 1 : path);
    char *ending = strrchr(serve->model, '.');
    if (ending != NULL && ending > serve->model && strcmp(ending, ".gguf") == 0) {
        *ending = '\0';
    }
}

static void start(struct serve *serve)
{
    struct err err;
    const struct serve_options *options = &serve->options;
    struct http_options http = {.loop = options->loop,
                                .host = options->host,
                                .port = options->port,
                                .patience_ms = options->patience_ms,
                                .admit = on_admit,
                                .handle = on_handle,
                                .gone = on_gone,
                                .context = serve};
    serve->http = http_create(&http, &err);
    options->started(options->context, serve->http != NULL ? http_port(serve->http) : 0,
                     serve->http != NULL ? NULL : &err);
}

static void forget(struct serve *serve, size_t place)
{
    struct answer *answer = serve->answers[place];
    serve->answers[place] = serve->answers[--serve->count];
    answer_destroy(answer);
}

static void on_event(void *context, const struct infer_pool_event *event)
{
    struct serve *serve = context;
    if (event->infer.kind == INFER_READY) {
        start(serve);
        return;
    }
    if (event->infer.kind == INFER_FAILED && event->infer.number == 0) {
        serve->options.started(serve->options.context, 0, &event->infer.error);
        return;
    }
    for (size_t i = 0; i < serve->count; i++) {
        struct answer *answer = serve->answers[i];
        if (answer->options.number != event->infer.number) {
            continue;
        }
        if (answer_feed(answer, event)) {
            /* Its end may have begun another answer: the place is looked for again. */
            for (i = 0; serve->answers[i] != answer; i++) {
            }
            forget(serve, i);
        }
        return;
    }
}

static void on_woke(uv_async_t *handle)
{
    struct serve *serve = handle->data;
    infer_pool_poll(serve->pool, on_event, serve);
}

static void wake(void *context)
{
    uv_async_send(context);
}

/* --- beginning and end --- */

struct serve *serve_create(const struct serve_options *options, struct err *err)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(options->host, 0, &v4) != 0 && uv_ip6_addr(options->host, 0, &v6) != 0) {
        err_set(err, ERR_ARGUMENT, "serve.host: %s is not an address", options->host);
        return NULL;
    }
    if (options->token == NULL && !access_is_loopback(options->host)) {
        err_set(err, ERR_ARGUMENT,
                "without a token carat listens on a loopback address alone, not %s", options->host);
        return NULL;
    }
    struct serve *serve = mem_zero(1, sizeof *serve);
    serve->options = *options;
    serve->options.pool.model.wake = wake;
    serve->options.pool.model.wake_context = &serve->woke;
    name_model(serve, options->pool.model.path);
    uv_async_init(options->loop, &serve->woke, on_woke);
    serve->woke.data = serve;
    serve->pool = infer_pool_create(&serve->options.pool);
    if (serve->pool == NULL) {
        err_set(err, ERR_UNAVAILABLE, "no thread for the engine can be started");
        uv_close((uv_handle_t *)&serve->woke, NULL);
        uv_run(options->loop, UV_RUN_DEFAULT);
        mem_free(serve);
        return NULL;
    }
    return serve;
}

void serve_destroy(struct serve *serve)
{
    serve->closing = true;
    http_destroy(serve->http);
    infer_pool_destroy(serve->pool); /* its thread may still wake the loop, so first */
    while (serve->count > 0) {
        forget(serve, serve->count - 1);
    }
    uv_close((uv_handle_t *)&serve->woke, NULL);
}

void serve_free(struct serve *serve)
{
    mem_free(serve->answers);
    mem_free(serve);
}

const struct infer_pool_facts *serve_facts(const struct serve *serve)
{
    return infer_pool_facts(serve->pool);
}

const char *serve_model(const struct serve *serve)
{
    return serve->model;
}
