/* engine_private: what the two files of the border share: how an error is told to the caller, and
 * what a session is. Nothing behind the border includes this.
 */
#ifndef CARAT_ENGINE_PRIVATE_H
#define CARAT_ENGINE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_error;
struct engine_model;
struct err;
struct session;

struct engine_session {
    struct engine_model *model;
    struct session *session;
};

/* Always false. `error` may be NULL. */
bool engine_fail(struct engine_error *error, const struct err *err);
/* A caller's mistake. */
bool engine_refuse(struct engine_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* At least one id, all of them in the vocabulary. */
bool engine_check_ids(const struct engine_session *session, const int32_t *ids, size_t count,
                      struct engine_error *error);

#endif
