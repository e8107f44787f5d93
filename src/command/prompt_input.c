#include "command/prompt_input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "base/utf8.h"

enum { PROMPT_LIMIT = 4 * 1024 * 1024, PATIENCE_MS = 100 };

/* Whether something was given there, without waiting for it to the end of time. */
static bool has_input(int input)
{
    struct stat status;
    if (fstat(input, &status) != 0) {
        return false;
    }
    if (!S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode)) {
        return S_ISREG(status.st_mode);
    }
    struct pollfd watched = {.fd = input, .events = POLLIN};
    int ready;
    do {
        ready = poll(&watched, 1, PATIENCE_MS);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static bool read_all(int input, struct str *out, struct err *err)
{
    char buffer[16 * 1024];
    ssize_t got;
    while ((got = read(input, buffer, sizeof buffer)) != 0) {
        if (got < 0 && errno != EINTR) {
            return err_errno(err, ERR_IO, "reading standard input");
        }
        str_append_bytes(out, buffer, got > 0 ? (size_t)got : 0);
        if (out->length > PROMPT_LIMIT) {
            return err_set(err, ERR_LIMIT, "the prompt is larger than %d bytes", PROMPT_LIMIT);
        }
    }
    return true;
}

static bool is_blank(const struct str *text)
{
    return strspn(text->data, " \t\r\n") == text->length;
}

static bool gather(char *const words[], size_t count, int input, struct str *out, struct err *err)
{
    bool dash = count > 0 && strcmp(words[count - 1], "-") == 0;
    size_t spoken = dash ? count - 1 : count;
    for (size_t i = 0; i < spoken; i++) {
        str_append(out, i > 0 ? " " : "");
        str_append(out, words[i]);
    }
    if (spoken == 0 && isatty(input)) {
        return err_set(err, ERR_ARGUMENT,
                       "no prompt: carat exec \"what to do\", or text on standard input");
    }
    if (spoken > 0 && !dash && !has_input(input)) {
        return true;
    }
    struct str given;
    str_init(&given);
    bool ok = read_all(input, &given, err);
    if (ok && !is_blank(&given)) {
        str_append(out, spoken > 0 ? "\n\n" : "");
        str_append_bytes(out, given.data, given.length);
    }
    str_finish(&given);
    return ok;
}

static bool check(const struct str *prompt, struct err *err)
{
    if (is_blank(prompt)) {
        return err_set(err, ERR_ARGUMENT, "the prompt is empty");
    }
    if (prompt->length > PROMPT_LIMIT) {
        return err_set(err, ERR_LIMIT, "the prompt is larger than %d bytes", PROMPT_LIMIT);
    }
    if (!utf8_valid(prompt->data, prompt->length) ||
        memchr(prompt->data, '\0', prompt->length) != NULL) {
        return err_set(err, ERR_FORMAT, "the prompt is not UTF-8 text");
    }
    return true;
}

bool prompt_input_read(char *const words[], size_t count, int input, struct str *out,
                       struct err *err)
{
    struct str prompt;
    str_init(&prompt);
    bool ok = gather(words, count, input, &prompt, err) && check(&prompt, err);
    if (ok) {
        str_append_bytes(out, prompt.data, prompt.length);
    }
    str_finish(&prompt);
    return ok;
}
