/* The microphone with a device that is played by a thread, and with each way in which one fails. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "voice/microphone.h"
#include "voice/sound_stream.h"

enum fault {
    NO_FAULT,
    NO_DEVICE,     /* fails at open */
    NO_START,      /* fails at start */
    UNPLUGGED,     /* says so after FRAMES frames */
    FALLS_SILENT,  /* gives nothing more after FRAMES frames, and says nothing */
    SLOW_TO_OPEN,  /* takes its time */
    NEVER_LETS_GO, /* close takes longer than anybody waits */
    OVERRUNS,      /* lost frames before they came to us */
    ODD_RATE,      /* no rate at all */
};

enum { FRAMES = 4410, STEP = 441 };

struct fake {
    struct microphone_driver driver;
    enum fault fault;
    uint32_t rate;
    int channels;
    bool flood; /* all at once instead of a piece each 2 ms */
    pthread_t player;
    atomic_bool stop, over, closed;
    microphone_sink *sink;
    void *context;
};

static void sleep_ms(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static bool fake_open(struct microphone_driver *driver, struct microphone_format *format,
                      struct err *err)
{
    struct fake *fake = (struct fake *)driver;
    sleep_ms(fake->fault == SLOW_TO_OPEN ? 1000 : 0);
    if (fake->fault == NO_DEVICE) {
        return err_set(err, ERR_UNAVAILABLE, "there is no microphone");
    }
    *format = (struct microphone_format){fake->fault == ODD_RATE ? 17 : fake->rate, fake->channels,
                                         "Fake"};
    return true;
}

/* A tone of 400 Hz in every channel. */
static void *play(void *context)
{
    struct fake *fake = context;
    float *frames = mem_alloc(STEP * (size_t)fake->channels, sizeof *frames);
    bool ends = fake->fault != NO_FAULT && fake->fault != NEVER_LETS_GO;
    for (size_t frame = 0; !atomic_load(&fake->stop) && (!ends || frame < FRAMES); frame += STEP) {
        for (size_t i = 0; i < STEP; i++) {
            double time = (double)(frame + i) / (double)fake->rate;
            for (int c = 0; c < fake->channels; c++) {
                frames[i * (size_t)fake->channels + (size_t)c] =
                    (float)(0.5 * sin(2 * 3.14159265358979323846 * 400 * time));
            }
        }
        fake->sink(fake->context, frames, STEP, fake->fault == OVERRUNS && frame == 0 ? 882 : 0);
        sleep_ms(fake->flood ? 0 : 2);
    }
    mem_free(frames);
    atomic_store(&fake->over, true);
    return NULL;
}

static bool fake_start(struct microphone_driver *driver, microphone_sink *sink, void *context,
                       struct err *err)
{
    struct fake *fake = (struct fake *)driver;
    if (fake->fault == NO_START) {
        return err_set(err, ERR_IO, "the device is busy");
    }
    fake->sink = sink;
    fake->context = context;
    assert_int_equal(pthread_create(&fake->player, NULL, play, fake), 0);
    return true;
}

static bool fake_alive(struct microphone_driver *driver, struct err *err)
{
    struct fake *fake = (struct fake *)driver;
    bool gone = atomic_load(&fake->over) && (fake->fault == UNPLUGGED || fake->fault == OVERRUNS);
    return !gone || err_set(err, ERR_IO, "its sound has ended");
}

static void fake_close(struct microphone_driver *driver)
{
    struct fake *fake = (struct fake *)driver;
    atomic_store(&fake->stop, true);
    if (fake->sink != NULL) {
        pthread_join(fake->player, NULL);
    }
    sleep_ms(fake->fault == NEVER_LETS_GO ? 2000 : 0);
    atomic_store(&fake->closed, true);
}

static struct fake make_fake(enum fault fault, uint32_t rate, int channels)
{
    return (struct fake){.driver = {fake_open, fake_start, fake_alive, fake_close},
                         .fault = fault,
                         .rate = rate,
                         .channels = channels};
}

static enum microphone_state wait_for(struct microphone *microphone, enum microphone_state past)
{
    for (int i = 0; i < 2000 && microphone_state(microphone) <= past; i++) {
        sleep_ms(5);
    }
    return microphone_state(microphone);
}

static void check_device(uint32_t rate, int channels)
{
    struct err err = {0};
    struct fake fake = make_fake(NO_FAULT, rate, channels);
    struct microphone *microphone = microphone_open(&fake.driver);
    struct sound_samples heard = {0};
    assert_int_equal(wait_for(microphone, MICROPHONE_OPENING), MICROPHONE_OPEN);
    assert_int_equal(microphone_format(microphone).rate, rate);
    while (heard.count < 3200) {
        assert_true(microphone_take(microphone, &heard, &err));
        sleep_ms(5);
    }
    microphone_close(microphone);
    assert_int_equal(wait_for(microphone, MICROPHONE_OPEN), MICROPHONE_CLOSED);
    assert_true(atomic_load(&fake.closed));
    assert_true(microphone_take(microphone, &heard, &err));
    size_t all = heard.count;
    assert_true(microphone_take(microphone, &heard, &err)); /* the end came once */
    assert_int_equal(heard.count, all);
    assert_int_equal(microphone_lost_ms(microphone), 0);
    for (size_t i = 400; i + 400 < heard.count; i++) { /* the tone, at our rate */
        double wanted = 0.5 * sin(2 * 3.14159265358979323846 * 400 * (double)i / 16000);
        assert_true(fabs((double)heard.items[i] - wanted) < 0.002);
    }
    sound_samples_finish(&heard);
    microphone_destroy(microphone);
}

static void hears_any_device(void **state)
{
    (void)state;
    check_device(16000, 1);
    check_device(44100, 2);
    check_device(48000, 1);
    check_device(8000, 1);
}

static void says_why_it_fails(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        const char *words;
    } faults[] = {{NO_DEVICE, "there is no microphone"},
                  {NO_START, "the device is busy"},
                  {ODD_RATE, "17 samples a second"}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct err err = {0};
        struct fake fake = make_fake(faults[i].fault, 44100, 2);
        struct microphone *microphone = microphone_open(&fake.driver);
        struct sound_samples heard = {0};
        assert_int_equal(wait_for(microphone, MICROPHONE_OPEN), MICROPHONE_FAILED);
        assert_non_null(strstr(microphone_error(microphone).text, faults[i].words));
        assert_true(microphone_take(microphone, &heard, &err));
        assert_int_equal(heard.count, 0);
        assert_int_equal(atomic_load(&fake.closed), faults[i].fault != NO_DEVICE);
        microphone_destroy(microphone);
        sound_samples_finish(&heard);
    }
}

/* What was heard until then is kept, and so is the count of what was lost. */
static void keeps_what_was_heard(void **state)
{
    (void)state;
    static const enum fault faults[] = {UNPLUGGED, FALLS_SILENT, OVERRUNS};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct err err = {0};
        struct fake fake = make_fake(faults[i], 44100, 2);
        struct microphone *microphone = microphone_open(&fake.driver);
        struct sound_samples heard = {0};
        assert_int_equal(wait_for(microphone, MICROPHONE_OPEN), MICROPHONE_FAILED);
        assert_non_null(strstr(microphone_error(microphone).text, "Fake"));
        assert_true(microphone_take(microphone, &heard, &err));
        assert_int_equal(heard.count, FRAMES * 16000 / 44100);
        assert_int_equal(microphone_lost_ms(microphone), faults[i] == OVERRUNS ? 20 : 0);
        microphone_destroy(microphone);
        sound_samples_finish(&heard);
    }
}

/* Nobody takes it: the ring is full, and how much is missing is known. */
static void counts_overruns(void **state)
{
    (void)state;
    struct err err = {0};
    struct fake fake = make_fake(NO_FAULT, 8000, 1);
    fake.flood = true;
    struct microphone *microphone = microphone_open(&fake.driver);
    struct sound_samples heard = {0};
    for (int i = 0; i < 2000 && microphone_lost_ms(microphone) == 0; i++) {
        sleep_ms(5);
    }
    microphone_close(microphone);
    assert_int_equal(wait_for(microphone, MICROPHONE_OPEN), MICROPHONE_CLOSED);
    assert_true(microphone_lost_ms(microphone) > 0);
    assert_true(microphone_take(microphone, &heard, &err));
    assert_true(heard.count >= 8 * 16000);
    microphone_destroy(microphone);
    sound_samples_finish(&heard);
}

/* A sound system that takes its time holds nobody up, and may even outlive its microphone. */
static void never_waits(void **state)
{
    (void)state;
    struct fake slow = make_fake(SLOW_TO_OPEN, 44100, 1);
    int64_t start_us = clock_monotonic_us();
    struct microphone *microphone = microphone_open(&slow.driver);
    assert_int_equal(microphone_state(microphone), MICROPHONE_OPENING);
    microphone_close(microphone); /* before it is open */
    assert_true(clock_monotonic_us() - start_us < 900000);
    assert_int_equal(wait_for(microphone, MICROPHONE_OPEN), MICROPHONE_CLOSED);
    microphone_destroy(microphone);
    struct fake stuck = make_fake(NEVER_LETS_GO, 44100, 1);
    microphone = microphone_open(&stuck.driver);
    assert_int_equal(wait_for(microphone, MICROPHONE_OPENING), MICROPHONE_OPEN);
    start_us = clock_monotonic_us();
    microphone_close(microphone);
    assert_false(microphone_wait(microphone, 50));
    microphone_destroy(microphone);
    assert_false(atomic_load(&stuck.closed));
    assert_true(clock_monotonic_us() - start_us < 1900000);
    for (int i = 0; i < 1000 && !atomic_load(&stuck.closed); i++) {
        sleep_ms(5);
    }
    assert_true(atomic_load(&stuck.closed));
    sleep_ms(20); /* its thread frees what is left */
    microphone_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_any_device),     cmocka_unit_test(says_why_it_fails),
        cmocka_unit_test(keeps_what_was_heard), cmocka_unit_test(counts_overruns),
        cmocka_unit_test(never_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
