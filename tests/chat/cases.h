/* cases: what the chat tests share: reading case files, spelling prompts, control ids and an
 * encoder of a tiny vocabulary (one id a byte, control tokens from 1000 on).
 */
#ifndef CARAT_TESTS_CHAT_CASES_H
#define CARAT_TESTS_CHAT_CASES_H

#include <jansson.h>
#include <stddef.h>

#include "base/str.h"
#include "chat/control.h"
#include "chat/render.h"

enum { CASES_FIRST_CONTROL = 1000 };

/* One JSON value a line of TEST_DATA/name, as an array; exits when the file cannot be read. */
json_t *cases_load(const char *name);
/* Prints which case of which file an assertion is about; cmocka shows it when the test fails. */
const char *cases_label(const json_t *value, size_t index);

/* Byte b is id b; control c is CASES_FIRST_CONTROL + c. */
const struct control_ids *cases_control_ids(void);
struct chat_encoder cases_encoder(void);
/* chat_prompt_spell's way to spell sampled ids of this vocabulary. */
void cases_token_bytes(void *context, int32_t id, struct str *out);

/* Text with control tokens spelled out as ids of this vocabulary. */
void cases_ids(struct chat_ids *out, const char *text, size_t length);

#endif
