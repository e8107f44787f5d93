#include "pull.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/curl_trust.h"
#include "base/curl_late.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"

enum {
    ETAG_SIZE = 256,
    REFUSAL_SIZE = 256, /* of an error page, for the message */
    PAUSE_MAX_MS = 30000,
    LOOK_MS = 100, /* how often progress is told */
};
static const uint64_t ROOM_TO_LEAVE = 64 * 1024 * 1024;

/* What one answer's headers said. */
struct answer {
    long status;
    char etag[ETAG_SIZE];
    uint64_t range_start, range_total; /* of Content-Range */
    bool has_range;
};

struct pull {
    const struct pull_options *options;
    struct str part, etag_path;
    int fd;                     /* of PATH.part */
    uint64_t have;              /* bytes in it */
    uint64_t total;             /* 0 = not known */
    char etag[ETAG_SIZE];       /* of what is in it; "" = none */
    char linked[HASH_HEX_SIZE]; /* the first answer's word on the checksum; "" = none */
    bool first_answer;
    CURL *curl;
    struct answer answer;
    bool began; /* the body of this answer */
    char refusal[REFUSAL_SIZE];
    struct err failure; /* why a callback of ours stopped the transfer; ERR_NONE = it did not */
    int64_t told_us, speed_us;
    uint64_t speed_bytes;
    double speed;
};

/* --- telling --- */

static bool tell(struct pull *pull, bool checking, uint64_t done, const char *waiting)
{
    int64_t now = clock_monotonic_us();
    if (now - pull->speed_us >= 1000000) {
        double seconds = (double)(now - pull->speed_us) / 1e6;
        double lately =
            done >= pull->speed_bytes ? (double)(done - pull->speed_bytes) / seconds : 0;
        pull->speed = pull->speed == 0 ? lately : 0.7 * pull->speed + 0.3 * lately;
        pull->speed_us = now;
        pull->speed_bytes = done;
    }
    if (pull->options->progress == NULL) {
        return true;
    }
    pull->told_us = now;
    struct pull_progress progress = {.done = done,
                                     .total = pull->total,
                                     .bytes_per_second = pull->speed,
                                     .checking = checking,
                                     .waiting = waiting};
    return pull->options->progress(pull->options->context, &progress) ||
           err_set(&pull->failure, ERR_CANCELLED,
                   "interrupted; what is there is kept, the same command goes on from it");
}

static int on_transfer(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    struct pull *pull = context;
    bool due = clock_monotonic_us() - pull->told_us >= LOOK_MS * 1000;
    return due && !tell(pull, false, pull->have, NULL);
}

/* --- what the server says --- */

static bool is_hex_sum(const char *text, size_t length)
{
    size_t digits = 0;
    while (digits < length && strchr("0123456789abcdefABCDEF", text[digits]) != NULL) {
        digits++;
    }
    return digits == HASH_HEX_SIZE - 1 && length == digits;
}

/* "name: value" with the name in any case; *value without blanks around it. */
static bool header_is(const char *line, size_t length, const char *name, const char **value,
                      size_t *value_length)
{
    size_t n = strlen(name);
    if (length <= n || strncasecmp(line, name, n) != 0 || line[n] != ':') {
        return false;
    }
    const char *start = line + n + 1, *end = line + length;
    while (start < end && (*start == ' ' || *start == '\t')) {
        start++;
    }
    while (end > start && strchr(" \t\r\n", end[-1]) != NULL) {
        end--;
    }
    *value = start;
    *value_length = (size_t)(end - start);
    return true;
}

static void read_range(struct answer *answer, const char *value, size_t length)
{
    char text[80];
    unsigned long long first, last, total;
    snprintf(text, sizeof text, "%.*s", (int)(length < sizeof text ? length : 0), value);
    if (sscanf(text, "bytes %llu-%llu/%llu", &first, &last, &total) == 3) {
        answer->has_range = true;
        answer->range_start = first;
        answer->range_total = total;
    }
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct pull *pull = context;
    size_t length = size * count, n;
    const char *value;
    if (length > 5 && strncmp(line, "HTTP/", 5) == 0) {
        pull->first_answer = pull->answer.status == 0;
        pull->answer = (struct answer){.status = 1};
    } else if (header_is(line, length, "ETag", &value, &n) && n < ETAG_SIZE) {
        snprintf(pull->answer.etag, ETAG_SIZE, "%.*s", (int)n, value);
    } else if (header_is(line, length, "Content-Range", &value, &n)) {
        read_range(&pull->answer, value, n);
    } else if (pull->first_answer && header_is(line, length, "X-Linked-Etag", &value, &n) &&
               n > 2) {
        bool quoted = value[0] == '"' && value[n - 1] == '"';
        value += quoted;
        n -= quoted ? 2 : 0;
        if (is_hex_sum(value, n)) {
            snprintf(pull->linked, sizeof pull->linked, "%.*s", (int)n, value);
        }
    }
    return length;
}

/* --- the part on disk --- */

static bool keep_etag(struct pull *pull)
{
    snprintf(pull->etag, ETAG_SIZE, "%s", pull->answer.etag);
    if (pull->etag[0] == '\0') {
        unlink(pull->etag_path.data);
        return true;
    }
    return file_replace(pull->etag_path.data, pull->etag, strlen(pull->etag), &pull->failure);
}

static bool start_over(struct pull *pull)
{
    pull->have = pull->speed_bytes = 0;
    return ftruncate(pull->fd, 0) == 0 ||
           err_errno(&pull->failure, ERR_IO, "emptying %s", pull->part.data);
}

static bool check_room(struct pull *pull)
{
    struct statvfs disk;
    if (pull->total == 0 || fstatvfs(pull->fd, &disk) != 0) {
        return true;
    }
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize, missing = pull->total - pull->have;
    return room >= missing + ROOM_TO_LEAVE ||
           err_set(&pull->failure, ERR_FULL,
                   "%s: %.1f GB are to come, and the disk has room for %.1f GB",
                   pull->options->path, (double)missing / 1e9,
                   room > ROOM_TO_LEAVE ? (double)(room - ROOM_TO_LEAVE) / 1e9 : 0);
}

/* The first bytes of a good answer: does it go on from what we have, and is it what we expect? */
static bool begin_body(struct pull *pull)
{
    curl_off_t length = -1;
    curl_easy_getinfo(pull->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    bool goes_on = pull->answer.status == 206 && pull->answer.has_range &&
                   pull->answer.range_start == pull->have;
    if (pull->answer.status == 206 && !goes_on) {
        return err_set(&pull->failure, ERR_FORMAT,
                       "%s: the server sent another part than asked for", pull->options->url);
    }
    if (!goes_on && !start_over(pull)) {
        return false;
    }
    pull->total = goes_on ? pull->answer.range_total : length > 0 ? (uint64_t)length : 0;
    if (pull->options->bytes != 0 && pull->total != 0 && pull->total != pull->options->bytes) {
        return err_set(&pull->failure, ERR_FORMAT, "%s has %llu bytes, %llu were expected",
                       pull->options->url, (unsigned long long)pull->total,
                       (unsigned long long)pull->options->bytes);
    }
    return check_room(pull) && keep_etag(pull);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct pull *pull = context;
    size_t length = size * count;
    if (!pull->began) {
        curl_easy_getinfo(pull->curl, CURLINFO_RESPONSE_CODE, &pull->answer.status);
        pull->began = true;
        bool good = pull->answer.status == 200 || pull->answer.status == 206;
        if (good && !begin_body(pull)) {
            return 0;
        }
    }
    if (pull->answer.status != 200 && pull->answer.status != 206) {
        size_t used = strlen(pull->refusal), room = sizeof pull->refusal - 1 - used;
        strncat(pull->refusal, bytes, length < room ? length : room);
        return length;
    }
    for (size_t written = 0; written < length;) {
        ssize_t n =
            pwrite(pull->fd, bytes + written, length - written, (off_t)(pull->have + written));
        if (n < 0 && errno != EINTR) {
            err_errno(&pull->failure, errno == ENOSPC ? ERR_FULL : ERR_IO, "writing %s",
                      pull->part.data);
            return 0;
        }
        written += n > 0 ? (size_t)n : 0;
    }
    pull->have += length;
    return length;
}

static bool open_part(struct pull *pull, struct err *err)
{
    struct stat status;
    const char *path = pull->part.data;
    pull->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (pull->fd < 0 || fstat(pull->fd, &status) != 0) {
        return err_errno(err, ERR_IO, "opening %s", path);
    }
    if (flock(pull->fd, LOCK_EX | LOCK_NB) != 0) {
        return err_set(err, ERR_UNAVAILABLE, "%s: another carat is fetching it", path);
    }
    struct str etag;
    str_init(&etag);
    if (file_read(pull->etag_path.data, ETAG_SIZE - 1, &etag, NULL)) {
        snprintf(pull->etag, ETAG_SIZE, "%s", etag.data);
    }
    str_finish(&etag);
    /* Without a mark of what the bytes belong to they are worth nothing. */
    bool known = pull->etag[0] != '\0' || pull->options->sha256 != NULL;
    pull->have = known && status.st_size > 0 ? (uint64_t)status.st_size : 0;
    pull->speed_bytes = pull->have;
    return pull->have > 0 || start_over(pull);
}

/* --- one try --- */

static void set_common(CURL *curl, const char *url, const char *key)
{
    bool secure = strncasecmp(url, "https:", 6) == 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 8L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "carat");
    curl_trust_apply(curl);
    if (key != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, key);
    }
}

static CURLcode transfer(struct pull *pull)
{
    CURL *curl = pull->curl;
    struct curl_slist *headers = NULL;
    curl_easy_reset(curl);
    set_common(curl, pull->options->url, pull->options->key);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, pull);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, pull);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, pull);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)pull->options->idle_seconds);
    if (pull->have > 0) {
        /* A header of our own and not curl's resume: curl takes a 200 for an error then. */
        char range[64], condition[ETAG_SIZE + 16];
        snprintf(range, sizeof range, "Range: bytes=%llu-", (unsigned long long)pull->have);
        headers = curl_slist_append(headers, range);
        if (pull->etag[0] == '"') { /* only a strong one can be a condition */
            snprintf(condition, sizeof condition, "If-Range: %s", pull->etag);
            headers = curl_slist_append(headers, condition);
        }
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    }
    pull->answer = (struct answer){0};
    pull->began = false;
    pull->refusal[0] = '\0';
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &pull->answer.status);
    curl_slist_free_all(headers);
    return code;
}

enum verdict { DONE, AGAIN, GIVE_UP };

static enum verdict refused(struct pull *pull, struct err *err)
{
    long status = pull->answer.status;
    struct str words;
    str_init(&words);
    visible_append(&words, pull->refusal, strlen(pull->refusal), VISIBLE_LINE);
    bool wants_key = status == 401 || status == 403;
    err_set(err,
            status == 404 ? ERR_NOT_FOUND
            : wants_key   ? ERR_DENIED
                          : ERR_IO,
            "%s: the server says %ld%s%.120s%s", pull->options->url, status,
            words.length > 0 ? ": " : "", words.data != NULL ? words.data : "",
            wants_key ? " (a key for it goes into HF_TOKEN)" : "");
    str_finish(&words);
    return status == 408 || status == 429 || status >= 500 ? AGAIN : GIVE_UP;
}

static enum verdict judge(struct pull *pull, CURLcode code, struct err *err)
{
    if (pull->failure.code != ERR_NONE) {
        *err = pull->failure;
        return GIVE_UP;
    }
    long status = pull->answer.status;
    if (status == 416 && pull->have > 0) { /* more is there than the server has: not its file */
        start_over(pull);
        err_set(err, ERR_IO, "%s: the server has no more of it", pull->options->url);
        return AGAIN;
    }
    if (code == CURLE_OK && status != 200 && status != 206) {
        return refused(pull, err);
    }
    if (code == CURLE_OK && !pull->began && !begin_body(pull)) { /* an empty file */
        *err = pull->failure;
        return GIVE_UP;
    }
    if (code == CURLE_OK && (pull->total == 0 || pull->have == pull->total)) {
        return DONE;
    }
    bool hopeless = code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
                    code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_TOO_MANY_REDIRECTS ||
                    code == CURLE_SSL_CACERT_BADFILE;
    err_set(err, ERR_IO, "%s: %s after %llu bytes", pull->options->url,
            code == CURLE_OK ? "it ended" : curl_easy_strerror(code),
            (unsigned long long)pull->have);
    return hopeless ? GIVE_UP : AGAIN;
}

/* False when the user stops it. */
static bool pause_before(struct pull *pull, int milliseconds, const char *why)
{
    for (int waited = 0; waited < milliseconds; waited += LOOK_MS) {
        if (!tell(pull, false, pull->have, why)) {
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    return true;
}

static bool fetch(struct pull *pull, struct err *err)
{
    int tries = 0;
    for (;;) {
        uint64_t before = pull->have;
        enum verdict verdict = judge(pull, transfer(pull), err);
        if (verdict != AGAIN) {
            return verdict == DONE;
        }
        tries = pull->have > before ? 1 : tries + 1;
        if (tries > pull->options->tries) {
            return false;
        }
        int64_t pause = (int64_t)pull->options->pause_ms << (tries < 8 ? tries - 1 : 7);
        if (!pause_before(pull, (int)(pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS), err->text)) {
            *err = pull->failure;
            return false;
        }
    }
}

/* --- the end --- */

static bool look(void *context, unsigned long long done)
{
    struct pull *pull = context;
    bool due = clock_monotonic_us() - pull->told_us >= LOOK_MS * 1000;
    return !due || tell(pull, true, done, NULL);
}

static bool check_sum(struct pull *pull, bool *checked, char sum[HASH_HEX_SIZE], struct err *err)
{
    const char *expected = pull->options->sha256 != NULL ? pull->options->sha256
                           : pull->linked[0] != '\0'     ? pull->linked
                                                         : NULL;
    pull->speed = 0;
    if (!hash_file(pull->part.data, look, pull, sum, err)) {
        return false;
    }
    *checked = expected != NULL;
    if (expected == NULL || strcasecmp(expected, sum) == 0) {
        return true;
    }
    unlink(pull->part.data);
    unlink(pull->etag_path.data);
    return err_set(err, ERR_FORMAT, "%s: its checksum is %s, not %s; it was thrown away",
                   pull->options->url, sum, expected);
}

static bool move_into_place(struct pull *pull, struct err *err)
{
    const char *path = pull->options->path;
    if (fsync(pull->fd) != 0 || rename(pull->part.data, path) != 0) {
        return err_errno(err, ERR_IO, "moving it to %s", path);
    }
    unlink(pull->etag_path.data);
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? mem_strdup(".") : mem_strndup(path, (size_t)(slash - path) + 1);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* a file system that cannot has done what it can */
        close(fd);
    }
    mem_free(folder);
    return true;
}

bool pull_file(const struct pull_options *options, bool *checked, char sha256[65], struct err *err)
{
    struct pull pull = {.options = options, .fd = -1, .speed_us = clock_monotonic_us()};
    struct err failure = {0};
    char sum[HASH_HEX_SIZE];
    bool had_sum = false;
    str_init(&pull.part);
    str_init(&pull.etag_path);
    str_append_format(&pull.part, "%s.part", options->path);
    str_append_format(&pull.etag_path, "%s.part.etag", options->path);
    bool ok = curl_late_load(&failure);
    pull.curl = ok ? curl_easy_init() : NULL;
    ok = ok && (pull.curl != NULL ||
                err_set(&failure, ERR_MEMORY, "no memory for a transfer of %s", options->url));
    ok = ok && open_part(&pull, &failure) && fetch(&pull, &failure) &&
         check_sum(&pull, &had_sum, sum, &failure) && move_into_place(&pull, &failure);
    if (pull.fd >= 0) {
        close(pull.fd);
    }
    curl_easy_cleanup(pull.curl);
    str_finish(&pull.part);
    str_finish(&pull.etag_path);
    if (!ok) {
        return err_set(err, failure.code, "%s", failure.text);
    }
    *checked = had_sum;
    if (sha256 != NULL) {
        memcpy(sha256, sum, sizeof sum);
    }
    return true;
}

struct text_sink {
    struct str *out;
    size_t limit;
};

static size_t on_text(char *bytes, size_t size, size_t count, void *context)
{
    struct text_sink *sink = context;
    if (sink->out->length + size * count > sink->limit) {
        return 0;
    }
    str_append_bytes(sink->out, bytes, size * count);
    return size * count;
}

bool pull_text(const char *url, const char *key, size_t limit, struct str *out, struct err *err)
{
    struct str text;
    struct text_sink sink = {&text, limit};
    long status = 0;
    if (!curl_late_load(err)) {
        return false;
    }
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a transfer of %s", url);
    }
    str_init(&text);
    set_common(curl, url, key);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_text);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    bool ok = code == CURLE_OK && status == 200;
    if (ok) {
        str_append_bytes(out, text.data, text.length);
    } else if (code != CURLE_OK) {
        err_set(err, code == CURLE_WRITE_ERROR ? ERR_LIMIT : ERR_IO, "%s: %s", url,
                code == CURLE_WRITE_ERROR ? "more than is read of such a page"
                                          : curl_easy_strerror(code));
    } else {
        err_set(err, status == 404 ? ERR_NOT_FOUND : ERR_IO, "%s: the server says %ld", url,
                status);
    }
    str_finish(&text);
    return ok;
}
