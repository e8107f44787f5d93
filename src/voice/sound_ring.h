/* sound_ring: sound on its way from the device's thread to ours, without locks.
 *
 * One thread writes and one reads; neither waits, neither allocates. The writer may be called by an
 * audio device's real-time thread. What does not fit is not taken and counted as lost, whole frames
 * at a time, so that the reader can say how much is missing.
 */
#ifndef CARAT_VOICE_SOUND_RING_H
#define CARAT_VOICE_SOUND_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sound_ring;

/* Room for at least `frames` frames of `channels` samples each. Never NULL. */
struct sound_ring *sound_ring_create(size_t frames, int channels);
void sound_ring_destroy(struct sound_ring *ring); /* NULL is fine; nobody may use it any more */

/* The writer's. Takes as many frames as there is room for and counts the rest as lost. */
void sound_ring_write(struct sound_ring *ring, const float *frames, size_t count);
/* The writer's: so many frames were lost before they came here. */
void sound_ring_lose(struct sound_ring *ring, size_t count);

/* The reader's. At most `most` frames into out[most * channels]; how many they were. */
size_t sound_ring_read(struct sound_ring *ring, float *out, size_t most);
/* Any thread: frames lost so far. */
uint64_t sound_ring_lost(const struct sound_ring *ring);

#endif
