/* err: how a function of ours says that it failed.
 *
 * A function that can fail returns bool and takes `struct err *err` last. On failure it fills `err`
 * once, at the place where the facts are: what was tried, on what, with which value. Outputs are
 * untouched on failure. `err` may be NULL when the caller only needs to know that it failed.
 * A plain value: no ownership, any thread.
 */
#ifndef CARAT_BASE_ERR_H
#define CARAT_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_code {
    ERR_NONE = 0,
    ERR_ARGUMENT,    /* the caller or the user asked for something that makes no sense */
    ERR_FORMAT,      /* foreign bytes are not what they claim to be */
    ERR_LIMIT,       /* a size from a file, the network or the model is over its cap */
    ERR_MEMORY,      /* an allocation failed */
    ERR_IO,          /* the system refused: the text holds strerror() */
    ERR_NOT_FOUND,   /* no such file, model, conversation */
    ERR_UNSUPPORTED, /* well formed, and not something we do */
    ERR_DENIED,      /* a policy or the user said no */
    ERR_CANCELLED,   /* stopped on request; the state is valid */
    ERR_UNAVAILABLE, /* a part of the machine that is needed is missing (sandbox layer, device) */
    ERR_FULL,        /* context window, disk: no room; nothing was changed */
};

struct err {
    enum err_code code;
    char text[512];
};

/* Fills `err` (if not NULL) and returns false, so that `return err_set(...)` reads well. */
bool err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the description of errno at entry appended: "opening x: No such file". */
bool err_errno(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text of an error that is passed on. Returns false. */
bool err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Back to ERR_NONE with an empty text. */
void err_clear(struct err *err);

#endif
