/* decoded: messages of the process that decodes, sound ones and those of a process gone bad. */
#include "media/decoded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "media/picture_file.h"
#include "media/sound_file.h"

struct message {
    unsigned char bytes[128];
    size_t size;
};

static struct message make(const struct decoded *decoded, size_t content)
{
    struct message message = {.size = DECODED_HEADER + content};
    decoded_write_header(decoded, message.bytes);
    return message;
}

static const struct decoded picture = {.kind = DECODED_PICTURE, .width = 3, .height = 2};
static const struct decoded sound = {.kind = DECODED_SOUND, .count = 5};

static void test_sound_messages(void **state)
{
    (void)state;
    struct err err;
    struct decoded read;
    struct message message = make(&picture, 18);
    assert_true(decoded_read(message.bytes, message.size, DECODED_PICTURE, &read, &err));
    assert_int_equal(read.width, 3);
    assert_int_equal(read.height, 2);
    assert_int_equal(read.bytes, 18);
    message = make(&sound, 20);
    assert_true(decoded_read(message.bytes, message.size, DECODED_SOUND, &read, &err));
    assert_int_equal(read.count, 5);
    assert_int_equal(read.bytes, 20);
    const struct decoded silence = {.kind = DECODED_SOUND};
    message = make(&silence, 0);
    assert_true(decoded_read(message.bytes, message.size, DECODED_SOUND, &read, &err));
    assert_int_equal(read.count, 0);
}

/* Two frames, of seconds 0 and 1 and 3 and 5 bytes. */
static struct message make_clip(void)
{
    const struct decoded clip = {.kind = DECODED_CLIP, .count = 2};
    struct message message = make(&clip, 2 * DECODED_FRAME_HEADER + 8);
    decoded_write_frame_header(0, 3, message.bytes + DECODED_HEADER);
    decoded_write_frame_header(1, 5, message.bytes + DECODED_HEADER + DECODED_FRAME_HEADER + 3);
    return message;
}

static void expect_refused(const struct message *message, enum decoded_kind kind,
                           enum err_code code)
{
    struct err err = {0};
    struct decoded read = {.width = 77};
    assert_false(decoded_read(message->bytes, message->size, kind, &read, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(read.width, 77);
}

static void test_clips(void **state)
{
    (void)state;
    enum { SECOND = DECODED_HEADER + DECODED_FRAME_HEADER + 3 };
    struct err err;
    struct decoded read;
    struct decoded_frame frame;
    struct message message = make_clip();
    size_t at = DECODED_HEADER;
    assert_true(decoded_read(message.bytes, message.size, DECODED_CLIP, &read, &err));
    assert_int_equal(read.count, 2);
    assert_true(decoded_next_frame(message.bytes, message.size, &at, &frame));
    assert_int_equal(frame.second, 0);
    assert_int_equal(frame.size, 3);
    assert_true(decoded_next_frame(message.bytes, message.size, &at, &frame));
    assert_int_equal(frame.second, 1);
    assert_int_equal(frame.size, 5);
    assert_false(decoded_next_frame(message.bytes, message.size, &at, &frame));

    static const struct {
        size_t at;
        unsigned char value;
        enum err_code code;
    } rows[] = {
        {12, 3, ERR_FORMAT},             /* a frame that is not there */
        {12, 1, ERR_FORMAT},             /* bytes behind the last */
        {12, 61, ERR_LIMIT},             /* too many */
        {12, 0, ERR_LIMIT},              /* none */
        {16, 2, ERR_FORMAT},             /* a height */
        {SECOND, 61, ERR_FORMAT},        /* too late */
        {DECODED_HEADER, 2, ERR_FORMAT}, /* before the one before it */
        {SECOND + 4, 0, ERR_FORMAT},     /* without bytes */
        {SECOND + 4, 6, ERR_FORMAT},     /* with more bytes than there are */
        {SECOND + 7, 0x80, ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        message = make_clip();
        message.bytes[rows[i].at] = rows[i].value;
        expect_refused(&message, DECODED_CLIP, rows[i].code);
    }
}

static void test_bad_messages(void **state)
{
    (void)state;
    struct message message = make(&picture, 18);
    expect_refused(&message, DECODED_SOUND, ERR_FORMAT); /* not what was asked for */
    for (size_t size = 0; size < DECODED_HEADER + 18; size++) {
        message.size = size;
        expect_refused(&message, DECODED_PICTURE, ERR_FORMAT);
    }
    message = make(&picture, 19);
    expect_refused(&message, DECODED_PICTURE, ERR_FORMAT);
    message = make(&picture, 18);
    message.bytes[20] = 1;
    expect_refused(&message, DECODED_PICTURE, ERR_FORMAT);
    message.bytes[0] = 'C';
    expect_refused(&message, DECODED_PICTURE, ERR_FORMAT);
    const struct decoded nothing = {.kind = DECODED_PICTURE, .width = 0, .height = 2};
    message = make(&nothing, 0);
    expect_refused(&message, DECODED_PICTURE, ERR_LIMIT);
    const struct decoded huge = {
        .kind = DECODED_PICTURE, .width = UINT32_MAX, .height = UINT32_MAX};
    message = make(&huge, 18);
    expect_refused(&message, DECODED_PICTURE, ERR_LIMIT);
    const struct decoded endless = {.kind = DECODED_SOUND, .count = UINT32_MAX};
    message = make(&endless, 20);
    expect_refused(&message, DECODED_SOUND, ERR_LIMIT);
    static const uint32_t infinite = 0x7F800000;
    message = make(&sound, 20);
    memcpy(message.bytes + DECODED_HEADER + 8, &infinite, sizeof infinite);
    expect_refused(&message, DECODED_SOUND, ERR_FORMAT);
}

/* The largest picture, the longest sound and the last frame are taken for what they are. */
static void test_ends(void **state)
{
    (void)state;
    struct decoded shape = {.kind = DECODED_PICTURE, .width = PICTURE_FILE_PIXELS_MAX, .height = 1};
    struct message message = make(&shape, 3);
    expect_refused(&message, DECODED_PICTURE, ERR_FORMAT); /* bytes are missing, and no more */
    shape.width++;
    message = make(&shape, 3);
    expect_refused(&message, DECODED_PICTURE, ERR_LIMIT);
    shape = (struct decoded){.kind = DECODED_SOUND,
                             .count = (size_t)DECODED_SOUND_SECONDS * SOUND_FILE_RATE};
    message = make(&shape, 4);
    expect_refused(&message, DECODED_SOUND, ERR_FORMAT);
    shape.count++;
    message = make(&shape, 4);
    expect_refused(&message, DECODED_SOUND, ERR_LIMIT);
    const struct decoded flat = {.kind = DECODED_PICTURE, .width = 2, .height = 0};
    message = make(&flat, 0);
    expect_refused(&message, DECODED_PICTURE, ERR_LIMIT);
    /* A picture may have any height, and what has none has one. */
    message = make(&sound, 20);
    message.bytes[16] = 2;
    expect_refused(&message, DECODED_SOUND, ERR_FORMAT);
    static const uint32_t no_number = 0x7FC00000;
    for (size_t i = 0; i < 5; i++) {
        message = make(&sound, 20);
        memcpy(message.bytes + DECODED_HEADER + 4 * i, &no_number, sizeof no_number);
        expect_refused(&message, DECODED_SOUND, ERR_FORMAT);
    }
}

/* Two frames may be of one second; the last second is the limit itself; a clip has up to sixty. */
static void test_clip_ends(void **state)
{
    (void)state;
    enum { SECOND = DECODED_HEADER + DECODED_FRAME_HEADER + 3, SIZE = DECODED_FRAME_HEADER + 1 };
    struct err err;
    struct decoded read;
    struct message message = make_clip();
    message.bytes[SECOND] = 0;
    assert_true(decoded_read(message.bytes, message.size, DECODED_CLIP, &read, &err));
    assert_int_equal(read.bytes, message.size - DECODED_HEADER);
    message.bytes[SECOND] = DECODED_CLIP_FRAMES;
    assert_true(decoded_read(message.bytes, message.size, DECODED_CLIP, &read, &err));
    static unsigned char many[DECODED_HEADER + (DECODED_CLIP_FRAMES + 1) * SIZE];
    for (size_t count = DECODED_CLIP_FRAMES; count <= DECODED_CLIP_FRAMES + 1; count++) {
        const struct decoded clip = {.kind = DECODED_CLIP, .count = count};
        decoded_write_header(&clip, many);
        for (size_t i = 0; i < count; i++) {
            decoded_write_frame_header((unsigned)(i < DECODED_CLIP_FRAMES ? i : i - 1), 1,
                                       many + DECODED_HEADER + i * SIZE);
        }
        bool fits = decoded_read(many, DECODED_HEADER + count * SIZE, DECODED_CLIP, &read, &err);
        assert_int_equal(fits, count == DECODED_CLIP_FRAMES);
    }
    assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sound_messages),
                                       cmocka_unit_test(test_clips), cmocka_unit_test(test_ends),
                                       cmocka_unit_test(test_clip_ends),
                                       cmocka_unit_test(test_bad_messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
