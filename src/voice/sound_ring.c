/* sound_ring: see sound_ring.h. `written` and `read` count frames since the beginning and never
 * wrap (2^64 frames are millions of years); a frame's place is its number modulo the size, which is
 * a power of two. The writer publishes samples by a release of `written`, the reader frees their
 * places by a release of `read`; each acquires the other's before it touches the samples. */
#include "voice/sound_ring.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

struct sound_ring {
    _Atomic uint64_t written;
    _Atomic uint64_t read;
    _Atomic uint64_t lost;
    size_t size; /* frames, a power of two */
    size_t channels;
    float *samples; /* [size][channels] */
};

struct sound_ring *sound_ring_create(size_t frames, int channels)
{
    struct sound_ring *ring = mem_zero(1, sizeof *ring);
    ring->size = 1;
    while (ring->size < frames) {
        ring->size *= 2;
    }
    ring->channels = channels > 0 ? (size_t)channels : 1;
    ring->samples = mem_zero(ring->size * ring->channels, sizeof *ring->samples);
    return ring;
}

void sound_ring_destroy(struct sound_ring *ring)
{
    if (ring != NULL) {
        mem_free(ring->samples);
        mem_free(ring);
    }
}

void sound_ring_write(struct sound_ring *ring, const float *frames, size_t count)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_acquire);
    size_t room = ring->size - (size_t)(written - read);
    size_t taken = count < room ? count : room;
    size_t place = (size_t)written & (ring->size - 1), channels = ring->channels;
    size_t first = taken < ring->size - place ? taken : ring->size - place;
    if (taken > 0) { /* no frames may come with no pointer */
        memcpy(ring->samples + place * channels, frames, first * channels * sizeof *frames);
        memcpy(ring->samples, frames + first * channels,
               (taken - first) * channels * sizeof *frames);
    }
    atomic_store_explicit(&ring->written, written + taken, memory_order_release);
    if (taken < count) {
        sound_ring_lose(ring, count - taken);
    }
}

void sound_ring_lose(struct sound_ring *ring, size_t count)
{
    atomic_fetch_add_explicit(&ring->lost, count, memory_order_relaxed);
}

size_t sound_ring_read(struct sound_ring *ring, float *out, size_t most)
{
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    size_t there = (size_t)(written - read);
    size_t taken = most < there ? most : there;
    size_t place = (size_t)read & (ring->size - 1), channels = ring->channels;
    size_t first = taken < ring->size - place ? taken : ring->size - place;
    memcpy(out, ring->samples + place * channels, first * channels * sizeof *out);
    memcpy(out + first * channels, ring->samples, (taken - first) * channels * sizeof *out);
    atomic_store_explicit(&ring->read, read + taken, memory_order_release);
    return taken;
}

uint64_t sound_ring_lost(const struct sound_ring *ring)
{
    return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}
