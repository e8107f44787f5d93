/* The ring between the device's thread and ours: order, what does not fit, and both at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "voice/sound_ring.h"

enum { FRAMES = 300000, CHANNELS = 2 };

static void keeps_the_order(void **state)
{
    (void)state;
    struct sound_ring *ring = sound_ring_create(5, CHANNELS); /* 8: a power of two */
    float in[2 * 6], out[2 * 8];
    float next = 0, wanted = 0;
    for (int round = 0; round < 50; round++) { /* around the end of the ring many times */
        size_t count = 1 + (size_t)round % 6;
        for (size_t i = 0; i < 2 * count; i++) {
            in[i] = next++;
        }
        sound_ring_write(ring, in, count);
        assert_int_equal(sound_ring_read(ring, out, 8), count);
        for (size_t i = 0; i < 2 * count; i++) {
            assert_true(out[i] >= wanted && out[i] <= wanted);
            wanted++;
        }
    }
    assert_int_equal(sound_ring_read(ring, out, 8), 0);
    assert_int_equal(sound_ring_lost(ring), 0);
    sound_ring_destroy(ring);
}

static void counts_what_does_not_fit(void **state)
{
    (void)state;
    struct sound_ring *ring = sound_ring_create(8, 1);
    float in[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, out[12];
    sound_ring_write(ring, in, 12);
    assert_int_equal(sound_ring_lost(ring), 4);
    sound_ring_write(ring, in, 3);
    assert_int_equal(sound_ring_lost(ring), 7);
    assert_int_equal(sound_ring_read(ring, out, 12), 8); /* the first ones are whole */
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal((int)out[i], (int)i);
    }
    sound_ring_lose(ring, 100);
    assert_int_equal(sound_ring_lost(ring), 107);
    sound_ring_write(ring, NULL, 0);
    assert_int_equal(sound_ring_read(ring, out, 12), 0);
    sound_ring_destroy(ring);
}

static void *write_all(void *context)
{
    float in[7 * CHANNELS];
    for (int frame = 0; frame < FRAMES;) {
        int count = frame % 7 + 1 < FRAMES - frame ? frame % 7 + 1 : FRAMES - frame;
        for (int i = 0; i < count; i++) {
            in[2 * i] = (float)(frame + i);
            in[2 * i + 1] = -(float)(frame + i);
        }
        sound_ring_write(context, in, (size_t)count);
        frame += count;
    }
    return NULL;
}

/* Whatever is lost is counted, and what comes is in order and whole. */
static void two_threads(void **state)
{
    (void)state;
    struct sound_ring *ring = sound_ring_create(1024, CHANNELS);
    pthread_t writer;
    float out[64 * CHANNELS], last = -1;
    uint64_t came = 0;
    assert_int_equal(pthread_create(&writer, NULL, write_all, ring), 0);
    while (came + sound_ring_lost(ring) < FRAMES) {
        size_t count = sound_ring_read(ring, out, 64);
        for (size_t i = 0; i < count; i++) {
            assert_true(out[2 * i] > last);
            assert_true(out[2 * i + 1] <= -out[2 * i] && out[2 * i + 1] >= -out[2 * i]);
            last = out[2 * i];
        }
        came += count;
    }
    pthread_join(writer, NULL);
    assert_int_equal(came + sound_ring_lost(ring), FRAMES);
    assert_true(came >= 1024);
    sound_ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order),
        cmocka_unit_test(counts_what_does_not_fit),
        cmocka_unit_test(two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
