/* result_picture: the picture in what a tool says back over MCP.
 *
 * One goes with a result: the first block of the content that is one. Its bytes are as foreign as
 * the server that sent them, so nothing here looks into them: they go to the decoder (decoding.h),
 * and broken ones come back from it as an error in words. Pure.
 */
#ifndef CARAT_ATTACHMENT_RESULT_PICTURE_H
#define CARAT_ATTACHMENT_RESULT_PICTURE_H

#include <jansson.h>
#include <stddef.h>

/* A view of the block; NULL when the result of tools/call has no picture. */
const json_t *result_picture_find(const json_t *result);

/* The bytes of the block's file, the caller's (mem_free). *size is 0 when they are not base64,
 * which no decoder takes for a picture. */
char *result_picture_bytes(const json_t *block, size_t *size);

#endif
