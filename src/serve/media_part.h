/* media_part: a picture or a sound in a request, as the client sent it.
 *
 *     {"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}}   or the URL alone
 *     {"type": "input_audio", "input_audio": {"data": "...", "format": "wav"}}
 *
 * Only bytes that came with the request: nothing is fetched for a client. They are foreign, and
 * nobody here looks into them (intake.h).
 */
#ifndef CARAT_SERVE_MEDIA_PART_H
#define CARAT_SERVE_MEDIA_PART_H

#include <jansson.h>
#include <stdbool.h>

struct chat_medium;
struct err;

/* The file alone, not decoded: one reference. NULL and *err in the client's words. */
struct chat_medium *media_part_read(const json_t *part, bool picture, struct err *err);

#endif
