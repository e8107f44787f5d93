/* http_fetch: one web page as text.
 *
 * libcurl, kept narrow: http and https only, the hosts of the policy only, no proxy, cookies,
 * .netrc or HTTP/0.9. The URL is taken apart once, by libcurl itself, and that same parsed form is
 * what is checked and what is sent, so that no two parsers can disagree about the host. The address
 * is judged where the socket is made, so neither a redirect nor a DNS answer that changes between
 * two looks can lead to this machine or a private network. Redirects are followed by hand, at most
 * REDIRECT_LIMIT, each with every check; one that the user's rules may tell apart from what was
 * asked for (policy.h, "redirects") is told instead, so that it is asked for and judged by itself.
 * The body is capped after decompression, time in three ways.
 *
 * Left out: pictures and other downloads (named with type and size), sessions, headers of one's
 * own.
 */
#include <curl/curl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/curl_late.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"

#include "capped.h"
#include "charset.h"
#include "file_kind.h"
#include "files.h"
#include "html_text.h"
#include "http_hosts.h"
#include "policy.h"
#include "tool.h"
#include "xml_late.h"

enum {
    BODY_LIMIT = 2 * 1024 * 1024,
    REDIRECT_LIMIT = 5,
    CONNECT_SECONDS = 10,
    TOTAL_SECONDS = 30,
    SLOW_SECONDS = 10, /* under SLOW_BYTES a second for so long: given up */
    SLOW_BYTES = 10,
    LOOK_MS = 200, /* how often cancelling is looked at */
    URL_LIMIT = 4096,
    SHOWN_LIMIT = 300, /* of a URL in a sentence */
};

struct fetch {
    struct tool_context *tool;
    struct tool_result *result;
    CURLU *url;
    bool post;
    const char *body; /* NULL = none */
    size_t body_length;
    struct http_hosts_permit permit; /* for the host of `url` */
    const char *refused;             /* what was wrong with the last address */
    char *page;                      /* the answer's body */
    size_t page_length, page_capacity;
    struct files_remarks remarks;
    bool page_cut, no_memory;
    bool moved;     /* by a redirect: `url` is not what was asked for */
    bool told;      /* the last redirect is told, not followed */
    char type[128]; /* Content-Type of the answer; "" = none */
    char next[URL_LIMIT];
    long status;
    int64_t deadline_us;
};

static const char *const example = "{\"url\": \"https://example.org/\"}";

/* One part of the URL into `out`; false when it is absent or too long. */
static bool part(CURLU *url, CURLUPart which, unsigned flags, char *out, size_t size)
{
    char *text = NULL;
    bool ok = curl_url_get(url, which, &text, flags) == CURLUE_OK && strlen(text) < size;
    if (ok) {
        memcpy(out, text, strlen(text) + 1);
    }
    curl_free(text);
    return ok;
}

/* Refuses what different readers of a URL read differently, before any of them does. */
static const char *refuse_url_text(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length >= URL_LIMIT) {
        return length == 0 ? "is empty" : "is longer than 4095 bytes";
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= 0x20 || c == 0x7F || c == '\\') {
            return "holds a blank, a control character or a backslash";
        }
    }
    return NULL;
}

/* Sets fetch->url, relative to what it was, and asks whether its host is allowed. */
static bool set_url(struct fetch *fetch, const char *text)
{
    struct err err;
    char scheme[16], host[256], port[8], unwanted[256];
    const char *reason = refuse_url_text(text);
    if (reason == NULL && curl_url_set(fetch->url, CURLUPART_URL, text, 0) != CURLUE_OK) {
        reason = "is not a URL";
    }
    if (reason == NULL && (!part(fetch->url, CURLUPART_SCHEME, 0, scheme, sizeof scheme) ||
                           (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))) {
        reason = "does not begin with http:// or https://";
    }
    if (reason == NULL && (part(fetch->url, CURLUPART_USER, 0, unwanted, sizeof unwanted) ||
                           part(fetch->url, CURLUPART_PASSWORD, 0, unwanted, sizeof unwanted))) {
        reason = "holds a user name or a password";
    }
    if (reason == NULL && part(fetch->url, CURLUPART_ZONEID, 0, unwanted, sizeof unwanted)) {
        reason = "names a network interface";
    }
    if (reason == NULL &&
        (!part(fetch->url, CURLUPART_HOST, 0, host, sizeof host) ||
         !part(fetch->url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port))) {
        reason = "has no usable host and port";
    }
    if (reason != NULL) {
        tool_fail(fetch->result, "the URL \"%.150s\" %s. Expected for example %s", text, reason,
                  example);
        return false;
    }
    if (!http_hosts_allow(&fetch->tool->policy->hosts, host, (int)strtol(port, NULL, 10),
                          strcmp(scheme, "http") == 0 ? 80 : 443, &fetch->permit, &err)) {
        tool_fail(fetch->result,
                  "%s. The user can allow hosts with the key tools.hosts in the "
                  "configuration, for example tools.hosts = [\"example.org\"]",
                  err.text);
        return false;
    }
    return true;
}

/* The one place where connections begin, after the name was resolved. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct fetch *fetch = context;
    (void)purpose;
    const char *reason = http_hosts_refuse_address(&address->addr, &fetch->permit);
    if (reason != NULL) {
        fetch->refused = reason;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* The connection stands, nothing was sent. A connection from an address to itself is one to this
 * machine under its public address, which no list of ranges can know. */
static int before_request(void *context, char *remote, char *local, int remote_port, int local_port)
{
    struct fetch *fetch = context;
    (void)remote_port;
    (void)local_port;
    if (strcmp(remote, local) == 0 && !fetch->permit.loopback && !fetch->permit.literal) {
        fetch->refused = "this machine";
        return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
}

/* Takes decoded bytes up to the limit; a return of less ends the transfer. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct fetch *fetch = context;
    size_t length = size * count, room = BODY_LIMIT - fetch->page_length;
    size_t taken = length < room ? length : room;
    if (!vec_try_room(&fetch->page, &fetch->page_capacity, fetch->page_length + taken + 1, 1)) {
        fetch->no_memory = true;
        return 0;
    }
    memcpy(fetch->page + fetch->page_length, bytes, taken);
    fetch->page_length += taken;
    fetch->page_cut = taken < length;
    return taken;
}

static bool set_options(struct fetch *fetch, CURL *curl, char *message)
{
    long left_ms = (long)((fetch->deadline_us - clock_monotonic_us()) / 1000);
    CURLcode failed = 0;
#define SET(option, value) failed |= curl_easy_setopt(curl, option, value)
    SET(CURLOPT_CURLU, fetch->url);
    SET(CURLOPT_ERRORBUFFER, message);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* also turns off http_proxy and the like */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_USERAGENT, "carat");
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    SET(CURLOPT_TIMEOUT_MS, left_ms > 1 ? left_ms : 1L);
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    SET(CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, fetch);
    SET(CURLOPT_PREREQFUNCTION, before_request);
    SET(CURLOPT_PREREQDATA, fetch);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, fetch);
    if (fetch->post) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body_length);
        SET(CURLOPT_POSTFIELDS, fetch->body);
    }
#undef SET
    return failed == 0;
}

/* Runs the transfer in slices, so that cancelling works while nothing comes. */
static CURLcode transfer(struct fetch *fetch, CURLM *multi, CURL *curl, bool *cancelled)
{
    struct curl_waitfd extra = {.fd = fetch->tool->cancel_fd, .events = CURL_WAIT_POLLIN};
    CURLcode code = CURLE_OK;
    int running = 1, left;
    if (curl_multi_add_handle(multi, curl) != CURLM_OK) {
        return CURLE_OUT_OF_MEMORY;
    }
    while (running > 0 && !*cancelled) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            code = CURLE_RECV_ERROR;
            break;
        }
        if (running > 0) {
            extra.fd = fetch->tool->cancel_fd; /* goes away when the client's input has ended */
            curl_multi_poll(multi, &extra, extra.fd >= 0, LOOK_MS, NULL);
            *cancelled = files_cancelled(fetch->tool);
        }
    }
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left)) != NULL;) {
        code = message->msg == CURLMSG_DONE ? message->data.result : code;
    }
    curl_multi_remove_handle(multi, curl);
    return code;
}

/* Keeps what libcurl knows of the answer, which it forgets with the handle. False when the redirect
 * does not fit: half a URL is another URL. */
static bool keep_answer(struct fetch *fetch, CURL *curl)
{
    char *type = NULL, *next = NULL;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetch->status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
    snprintf(fetch->type, sizeof fetch->type, "%s", type == NULL ? "" : type);
    int length = snprintf(fetch->next, sizeof fetch->next, "%s", next == NULL ? "" : next);
    return length >= 0 && (size_t)length < sizeof fetch->next;
}

/* One request and its answer. False with the result failed. */
static bool request(struct fetch *fetch, CURLM *multi, CURL *curl)
{
    char message[CURL_ERROR_SIZE] = "", host[256] = "";
    struct curl_slist *headers = NULL;
    bool cancelled = false, ok = set_options(fetch, curl, message);
    if (fetch->post) {
        /* What looks like JSON is sent as such; everything else as a form, curl's own default. */
        bool json = fetch->body[0] == '{' || fetch->body[0] == '[';
        headers = curl_slist_append(NULL, json ? "Content-Type: application/json" : "Expect:");
        ok = ok && headers != NULL &&
             curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
    }
    fetch->page_length = 0;
    fetch->page_cut = false;
    fetch->refused = NULL;
    part(fetch->url, CURLUPART_HOST, 0, host, sizeof host);
    CURLcode code = ok ? transfer(fetch, multi, curl, &cancelled) : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_WRITE_ERROR && fetch->page_cut) {
        code = CURLE_OK; /* we had enough */
    }
    bool kept = keep_answer(fetch, curl);
    curl_slist_free_all(headers);
    if (cancelled) {
        tool_fail(fetch->result, "the request was cancelled");
    } else if (fetch->no_memory || code == CURLE_OUT_OF_MEMORY) {
        tool_fail(fetch->result, "no memory to fetch from %.100s", host);
    } else if (code != CURLE_OK && fetch->refused != NULL) {
        tool_fail(fetch->result,
                  "%.100s is %s, and tools.hosts opens such only when it names the "
                  "address itself, for example tools.hosts = [\"127.0.0.1:8080\"]",
                  host, fetch->refused);
    } else if (code != CURLE_OK) {
        tool_fail(fetch->result,
                  "fetching from %.100s failed: %.200s. Expected a server that "
                  "answers, for example %s",
                  host, message[0] != '\0' ? message : curl_easy_strerror(code), example);
    }
    if (!cancelled && code == CURLE_OK && !kept) {
        tool_fail(fetch->result, "%.100s redirects to a URL of more than %d bytes", host,
                  URL_LIMIT - 1);
    }
    return !cancelled && code == CURLE_OK && kept;
}

/* Where a URL leads; two are one place when the host and the port are the same. */
struct place {
    char scheme[16], host[256], port[8];
};

static void read_place(CURLU *url, struct place *place)
{
    *place = (struct place){.scheme = ""};
    part(url, CURLUPART_SCHEME, 0, place->scheme, sizeof place->scheme);
    part(url, CURLUPART_HOST, 0, place->host, sizeof place->host);
    part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, place->port, sizeof place->port);
}

static bool same_host(const struct place *one, const struct place *other)
{
    return strcasecmp(one->host, other->host) == 0;
}

static bool same_place(const struct place *one, const struct place *other)
{
    return same_host(one, other) && strcmp(one->port, other->port) == 0;
}

/* From http to https at the ports that these have by themselves: the same server, protected. */
static bool only_protects(const struct place *before, const struct place *after)
{
    return same_host(before, after) && strcmp(before->scheme, "http") == 0 &&
           strcmp(before->port, "80") == 0 && strcmp(after->scheme, "https") == 0 &&
           strcmp(after->port, "443") == 0;
}

/* A redirect that rules may tell apart from what was asked for is told, not followed. */
static bool must_be_asked_for(const struct fetch *fetch, const struct place *before,
                              const struct place *after)
{
    enum policy_redirects followed = fetch->tool->policy->redirects;
    return followed == POLICY_REDIRECTS_NONE ||
           (followed == POLICY_REDIRECTS_PLACE && !same_place(before, after));
}

/* Goes where a redirect leads, with the method that browsers use there, or marks it as told. False
 * with the result failed. */
static bool follow(struct fetch *fetch)
{
    struct place before, after;
    read_place(fetch->url, &before);
    if (!set_url(fetch, fetch->next)) {
        return false;
    }
    read_place(fetch->url, &after);
    fetch->moved = true;
    if (strcmp(before.scheme, "https") == 0 && strcmp(after.scheme, "http") == 0) {
        tool_fail(fetch->result,
                  "the server redirects from https to the unprotected %.200s, which "
                  "is not followed. Ask for that URL itself if it is meant",
                  fetch->next);
        return false;
    }
    if (must_be_asked_for(fetch, &before, &after)) {
        fetch->told = true;
        return true;
    }
    if (fetch->post && (fetch->status == 307 || fetch->status == 308)) {
        if (!same_place(&before, &after) && !only_protects(&before, &after)) {
            tool_fail(fetch->result,
                      "the server redirects the body to another host or port, %.200s, which "
                      "is not followed. Ask for that URL itself if it is meant",
                      fetch->next);
            return false;
        }
    } else {
        fetch->post = false;
    }
    return true;
}

/* Requests until an answer is no redirect. False with the result failed. */
static bool request_all(struct fetch *fetch)
{
    for (int redirects = 0;; redirects++) {
        /* A fresh handle each time: no connection, cookie or resolved name is carried over. */
        CURLM *multi = curl_multi_init();
        CURL *curl = curl_easy_init();
        bool ok = multi != NULL && curl != NULL;
        if (!ok) {
            tool_fail(fetch->result, "no memory for a request");
        }
        ok = ok && request(fetch, multi, curl);
        curl_easy_cleanup(curl);
        curl_multi_cleanup(multi);
        if (!ok || fetch->next[0] == '\0') {
            return ok;
        }
        if (redirects == REDIRECT_LIMIT) {
            tool_fail(fetch->result, "more than %d redirects; the last leads to %.200s",
                      REDIRECT_LIMIT, fetch->next);
            return false;
        }
        if (!follow(fetch) || fetch->told) {
            return fetch->told;
        }
    }
}

static bool type_is(const char *type, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(type, name, length) == 0 &&
           (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

/* The value of "charset=" in a Content-Type; false when there is none. */
static bool charset_of(const char *type, char *out, size_t size)
{
    const char *at = strcasestr(type, "charset=");
    if (at == NULL) {
        return false;
    }
    at += strlen("charset=");
    at += *at == '"';
    size_t length = strcspn(at, "\"; ");
    if (length == 0 || length >= size) {
        return false;
    }
    memcpy(out, at, length);
    out[length] = '\0';
    return true;
}

/* What a page's links are relative to. */
struct page_links {
    CURLU *url;
    char base[URL_LIMIT];
};

/* Of another scheme than a page's: mailto:, javascript:, data:. */
static bool has_other_scheme(const char *link)
{
    size_t length =
        strspn(link, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    return link[length] == ':' && strncasecmp(link, "http:", 5) != 0 &&
           strncasecmp(link, "https:", 6) != 0;
}

/* The whole URL of a link into `out`, if it is one of a page. */
static bool link_url(struct page_links *links, const char *link, char *out, size_t size)
{
    char trimmed[URL_LIMIT], scheme[16];
    link += strspn(link, " \t\r\n");
    int length = snprintf(trimmed, sizeof trimmed, "%s", link);
    if (length < 0 || (size_t)length >= sizeof trimmed || has_other_scheme(link)) {
        return false;
    }
    while (length > 0 && strchr(" \t\r\n", trimmed[length - 1]) != NULL) {
        trimmed[--length] = '\0';
    }
    return curl_url_set(links->url, CURLUPART_URL, links->base, 0) == CURLUE_OK &&
           curl_url_set(links->url, CURLUPART_URL, trimmed, CURLU_URLENCODE) == CURLUE_OK &&
           part(links->url, CURLUPART_SCHEME, 0, scheme, sizeof scheme) &&
           str_starts_with(scheme, "http") && part(links->url, CURLUPART_URL, 0, out, size);
}

static bool resolve_link(void *context, const char *link, char address[HTML_TEXT_LINK + 1])
{
    return link_url(context, link, address, HTML_TEXT_LINK + 1);
}

static void rebase_links(void *context, const char *link)
{
    struct page_links *links = context;
    char base[URL_LIMIT];
    if (link_url(links, link, base, sizeof base)) {
        memcpy(links->base, base, sizeof base);
    }
}

static bool append_html(struct fetch *fetch, struct capped *text, const char *page, size_t length,
                        bool utf8, bool *whole)
{
    struct page_links links = {.url = curl_url()};
    struct html_text_links shown = {resolve_link, rebase_links, &links};
    bool known =
        links.url != NULL && part(fetch->url, CURLUPART_URL, 0, links.base, sizeof links.base);
    bool ok = html_text_append(text, page, length, utf8, known ? &shown : NULL, whole);
    curl_url_cleanup(links.url);
    return ok;
}

/* An answer's body as UTF-8 as far as its charset is known. */
struct body {
    const char *text;
    size_t length;
    bool utf8; /* somebody says so, or it was made so */
    char *converted;
};

/* A page may name its charset itself, in a <meta> at its beginning. */
static bool charset_of_page(const char *page, size_t length, char *out, size_t size)
{
    char head[1024 + 1];
    size_t kept = length < sizeof head - 1 ? length : sizeof head - 1;
    for (size_t i = 0; i < kept; i++) {
        head[i] = page[i] != '\0' ? page[i] : ' ';
    }
    head[kept] = '\0';
    const char *meta = strcasestr(head, "<meta");
    return meta != NULL && charset_of(meta, out, size);
}

static void open_body(struct fetch *fetch, bool html, struct body *body)
{
    char name[64] = "";
    *body = (struct body){.text = fetch->page, .length = fetch->page_length};
    /* What was cut may end within a character. */
    size_t whole = utf8_complete_length(body->text, body->length);
    body->length = fetch->page_cut && utf8_valid(body->text, whole) ? whole : body->length;
    bool valid = utf8_valid(body->text, body->length);
    bool named = charset_of(fetch->type, name, sizeof name) ||
                 (html && !valid && charset_of_page(body->text, body->length, name, sizeof name));
    body->utf8 = named && charset_is_utf8(name);
    if (named && !body->utf8) {
        body->converted = charset_to_utf8(name, body->text, body->length, &body->length);
    }
    if (html && !valid && !body->utf8 && body->converted == NULL) { /* as browsers have it */
        body->converted = charset_to_utf8("windows-1252", body->text, body->length, &body->length);
    }
    if (body->converted != NULL) {
        body->text = body->converted;
        body->utf8 = true;
    }
}

static bool reduce_body(struct fetch *fetch, const struct body *body, bool html,
                        struct capped *text)
{
    char kind[FILE_KIND_NAME];
    bool complete = !fetch->page_cut, whole = true;
    size_t head = body->length < FILE_KIND_HEAD ? body->length : FILE_KIND_HEAD;
    if (html) {
        if (!append_html(fetch, text, body->text, body->length, body->utf8, &whole)) {
            return false;
        }
        complete = complete && whole;
        if (text->length == 0) {
            capped_add(text, "(a page without text)", 21);
        }
    } else if (!file_kind_text(body->text, head, kind)) {
        return capped_format(text, "(%s, %s%zu bytes: not text)",
                             fetch->type[0] != '\0' ? fetch->type : kind,
                             fetch->page_cut ? "more than " : "", fetch->page_length);
    } else {
        complete = capped_fill(text, body->text, body->length) == body->length && complete;
    }
    if (!complete) {
        files_remark(&fetch->remarks, "cut: this is the beginning of %s%zu bytes",
                     fetch->page_cut ? "more than " : "", fetch->page_length);
    }
    return true;
}

/* The page as text for the model. False when there is no memory. */
static bool reduce(struct fetch *fetch, struct capped *text)
{
    bool html = type_is(fetch->type, "text/html") || type_is(fetch->type, "application/xhtml+xml");
    if (fetch->told) {
        bool fits = strlen(fetch->next) <= SHOWN_LIMIT; /* half a URL is another URL */
        return capped_format(text,
                             "(not followed: this redirects to %s, and the user has rules for "
                             "addresses; ask for that one itself)",
                             fits ? fetch->next : "the address in \"url\"");
    }
    if (fetch->page_length == 0) {
        return capped_add(text, "(empty)", 7);
    }
    struct body body;
    open_body(fetch, html, &body);
    bool ok = reduce_body(fetch, &body, html, text);
    mem_free(body.converted);
    return ok;
}

/* {"output": text, "status": number, "content_type": text}, and "url" where a redirect has led: a
 * 404 is an answer, not a failure of ours. */
static void answer(struct fetch *fetch)
{
    struct capped text;
    if (!capped_init_whole(&text, fetch->tool->policy)) {
        tool_fail(fetch->result, "no memory for the page");
        return;
    }
    if (!reduce(fetch, &text)) {
        tool_fail(fetch->result, "no memory for the page");
    } else {
        files_succeed(&text, &fetch->remarks, fetch->tool->policy, fetch->result);
        json_object_set_new(fetch->result->response, "status", json_integer(fetch->status));
        json_t *type = json_string(fetch->type); /* NULL for what is no UTF-8 */
        json_object_set_new(fetch->result->response, "content_type",
                            type != NULL ? type : json_string(""));
        char url[URL_LIMIT];
        if (fetch->moved && part(fetch->url, CURLUPART_URL, 0, url, sizeof url)) {
            json_object_set_new(fetch->result->response, "url", json_string(url));
        }
    }
    capped_finish(&text);
}

static bool read_arguments(struct fetch *fetch, const json_t *arguments, const char **url)
{
    struct tool_result *result = fetch->result;
    size_t length;
    *url = files_text(arguments, "url", NULL, &length, result);
    const char *method =
        *url == NULL ? NULL : files_text(arguments, "method", "GET", &length, result);
    if (method == NULL) {
        return false;
    }
    fetch->post = strcasecmp(method, "POST") == 0;
    if (!fetch->post && strcasecmp(method, "GET") != 0) {
        tool_fail(result,
                  "the method is \"%.40s\", expected GET or POST, for example "
                  "{\"url\": \"https://example.org/\", \"method\": \"GET\"}",
                  method);
        return false;
    }
    bool has_body = json_object_get(arguments, "body") != NULL;
    if (fetch->post != has_body) {
        tool_fail(result,
                  "%s. Expected for example {\"url\": \"https://example.org/\", \"method\": "
                  "\"POST\", \"body\": \"name=value\"}",
                  has_body ? "a body can be sent only with the method POST"
                           : "the method POST needs a body");
        return false;
    }
    if (has_body) {
        fetch->body = files_text(arguments, "body", NULL, &fetch->body_length, result);
    }
    return !has_body || fetch->body != NULL;
}

bool http_fetch_prepare(struct err *err)
{
    return curl_late_load(err) && xml_late_load(err);
}

static void http_fetch_call(struct tool_context *context, const json_t *arguments,
                            struct tool_result *result)
{
    const char *url;
    struct fetch fetch = {.tool = context, .result = result};
    if (!read_arguments(&fetch, arguments, &url)) {
        return;
    }
    if (context->policy->hosts.count == 0) {
        tool_fail(result,
                  "no host is allowed, so nothing can be fetched. The user can allow some "
                  "with the key tools.hosts in the configuration, for example tools.hosts = "
                  "[\"example.org\"]");
        return;
    }
    struct err err;
    if (!http_fetch_prepare(&err)) {
        tool_fail(result, "%s", err.text);
        return;
    }
    fetch.deadline_us = clock_monotonic_us() + (int64_t)TOTAL_SECONDS * 1000000;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        tool_fail(result, "libcurl cannot start");
        return;
    }
    fetch.url = curl_url();
    if (fetch.url == NULL) {
        tool_fail(result, "no memory for a request");
    } else if (set_url(&fetch, url) && request_all(&fetch)) {
        answer(&fetch);
    }
    curl_url_cleanup(fetch.url);
    mem_free(fetch.page);
    curl_global_cleanup();
}

const struct tool http_tools[] = {{"http_fetch", http_fetch_call}, {NULL, NULL}};
