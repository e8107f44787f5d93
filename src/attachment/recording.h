/* recording: what the microphone heard, as a part of a message.
 *
 * The samples are ours, so no decoder is needed. The file that is kept is a WAV file of 16 bits;
 * the samples are rounded to what stands there, so that the model hears the same when the
 * conversation is taken up again.
 */
#ifndef CARAT_ATTACHMENT_RECORDING_H
#define CARAT_ATTACHMENT_RECORDING_H

#include <stddef.h>

struct chat_medium;

/* One reference; the samples (mono, 16000 a second, at most 10 minutes) are copied. */
struct chat_medium *recording_create(const float *samples, size_t count);

#endif
