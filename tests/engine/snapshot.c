/* snapshot: a session that was saved goes on as if nothing had happened, and no file that is
 * damaged, foreign or hostile is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "checksum.h"
#include "snapshot.h"
#include "support/fixture.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

enum { CONTEXT = 4096, ALLOCATIONS_MAX = 500 };

static char folder[] = "/tmp/carat-test-XXXXXX";
static char file[64], other_file[64], model_file[64];
static struct engine_model *nano, *tiny;
static int32_t ids[CONTEXT], tiny_ids[600];

static int open_models(void **state)
{
    (void)state;
    struct gguf_writer writer;
    struct err err;
    size_t size;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/session", folder);
    snprintf(other_file, sizeof other_file, "%s/other", folder);
    snprintf(model_file, sizeof model_file, "%s/tiny.gguf", folder);
    gguf_writer_init(&writer);
    gguf_writer_u32(&writer, "gemma4.context_length", 1000);
    tiny_model_write(&writer);
    const unsigned char *bytes = gguf_writer_finish(&writer, &size);
    assert_true(file_replace(model_file, bytes, size, &err));
    gguf_writer_free(&writer);
    nano = fixture_model(TEST_MODELS, "nano.gguf", NULL, 2);
    tiny = fixture_model(folder, "tiny.gguf", NULL, 1);
    for (size_t i = 0; i < CONTEXT; i++) {
        ids[i] = i == 0 ? 2 : (int32_t)(300 + (i * i * 31 + i * 7) % 2000);
    }
    for (size_t i = 0; i < sizeof tiny_ids / sizeof tiny_ids[0]; i++) {
        tiny_ids[i] = (int32_t)(i * 13 % tiny_model_tokens());
    }
    return 0;
}

static int close_models(void **state)
{
    (void)state;
    engine_model_close(nano);
    engine_model_close(tiny);
    unlink(file);
    unlink(other_file);
    unlink(model_file);
    return rmdir(folder); /* fails when a temporary file was left */
}

static size_t hold(struct engine_session *session, const int32_t *list, size_t count)
{
    struct engine_error error;
    size_t reused = 99999;
    if (!engine_session_sync(session, list, count, &reused, &error)) {
        fail_msg("%s", error.text);
    }
    return reused;
}

static void save(const struct engine_session *session)
{
    struct engine_error error;
    if (!engine_session_save(session, file, &error)) {
        fail_msg("%s", error.text);
    }
}

static void restore(struct engine_session *session)
{
    struct engine_error error;
    if (!engine_session_restore(session, file, &error)) {
        fail_msg("%s", error.text);
    }
}

static void check_equal(const struct engine_session *a, const struct engine_session *b,
                        const struct engine_model *model)
{
    size_t count, other;
    const int32_t *left = engine_session_tokens(a, &count);
    const int32_t *right = engine_session_tokens(b, &other);
    assert_int_equal(count, other);
    assert_memory_equal(left, right, count * sizeof *left);
    assert_true((engine_session_logits(a) != NULL) == (engine_session_logits(b) != NULL));
    if (engine_session_logits(a) != NULL) {
        assert_memory_equal(engine_session_logits(a), engine_session_logits(b),
                            (size_t)engine_model_info(model)->vocabulary_size * sizeof(float));
    }
}

/* --- going on --- */

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 255, 640, 2300};
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        enum engine_kv_type kv_type = i % 2 == 0 ? ENGINE_KV_Q8 : ENGINE_KV_F16;
        size_t count = lengths[i / 2];
        struct engine_session *saved = fixture_session(nano, CONTEXT, kv_type);
        struct engine_session *restored = fixture_session(nano, CONTEXT - 1000, kv_type);
        hold(saved, ids, count);
        save(saved);
        hold(restored, ids + 7, 900); /* it is forgotten */
        restore(restored);
        check_equal(saved, restored, nano);
        assert_int_equal(hold(restored, ids, count), count);
        assert_int_equal(hold(restored, ids, count + 300), count);
        hold(saved, ids, count + 300);
        check_equal(saved, restored, nano);
        engine_session_destroy(saved);
        engine_session_destroy(restored);
    }
}

/* An answer with a thought was given, the program ended; the next prompt goes back before it. */
static void test_points_of_return_are_saved(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *saved = fixture_session(nano, CONTEXT, ENGINE_KV_F16);
    struct engine_session *restored = fixture_session(nano, CONTEXT, ENGINE_KV_F16);
    for (size_t count = 300; count <= 1800; count += 300) { /* more points than are saved */
        hold(saved, ids, count);
    }
    for (size_t i = 0; i < 800; i++) {
        assert_true(engine_session_append(saved, ids[1900 + i], &error));
    }
    save(saved);
    restore(restored);
    check_equal(saved, restored, nano);
    assert_int_equal(hold(saved, ids, 1850), 1800);
    assert_int_equal(hold(restored, ids, 1850), 1800);
    check_equal(saved, restored, nano);
    engine_session_destroy(saved);
    engine_session_destroy(restored);
}

static void test_nothing_held(void **state)
{
    (void)state;
    struct engine_session *saved = fixture_session(nano, 10, ENGINE_KV_F32);
    struct engine_session *restored = fixture_session(nano, CONTEXT, ENGINE_KV_F32);
    save(saved);
    hold(restored, ids, 30);
    restore(restored);
    check_equal(saved, restored, nano);
    assert_int_equal(hold(restored, ids, 5), 0);
    engine_session_destroy(saved);
    engine_session_destroy(restored);
}

static size_t saved_bytes(struct engine_session *session, size_t count)
{
    struct stat status;
    hold(session, ids, count);
    save(session);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    return (size_t)status.st_size;
}

/* A token costs its rows of the full layers and its id; everything else is bounded. */
static void test_size(void **state)
{
    (void)state;
    struct engine_session *session = fixture_session(nano, CONTEXT, ENGINE_KV_F16);
    /* Between these two no further copy is made. */
    size_t start = saved_bytes(session, 300), middle = saved_bytes(session, 2400),
           end = saved_bytes(session, 2800), per_token = (end - middle) / 400;
    assert_int_equal(end - middle, 400 * per_token);
    assert_in_range(per_token, 4 + 1, 8 * 1024);
    assert_true(middle < start + 2100 * per_token + 6 * 1024 * 1024);
    engine_session_destroy(session);
}

/* --- what is refused --- */

/* The file of a small session in memory, and a session that stays as it is. */
struct target {
    struct str content;
    struct engine_session *session, *expected;
};

static void make_target(struct target *target)
{
    struct engine_session *saved = fixture_session(tiny, 700, ENGINE_KV_F32);
    struct err err;
    hold(saved, tiny_ids, 25);
    save(saved);
    engine_session_destroy(saved);
    str_init(&target->content);
    assert_true(file_read(file, 1 << 20, &target->content, &err));
    target->session = fixture_session(tiny, 700, ENGINE_KV_F32);
    target->expected = fixture_session(tiny, 700, ENGINE_KV_F32);
    hold(target->session, tiny_ids + 3, 12);
    hold(target->expected, tiny_ids + 3, 12);
}

static void free_target(struct target *target)
{
    str_finish(&target->content);
    engine_session_destroy(target->session);
    engine_session_destroy(target->expected);
}

static void check_refused(struct target *target, const void *bytes, size_t size,
                          enum engine_code code)
{
    struct engine_error error = {0};
    FILE *out = fopen(other_file, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
    if (engine_session_restore(target->session, other_file, &error)) {
        fail_msg("%zu damaged bytes were taken", size);
    }
    if (code != ENGINE_OK) {
        assert_int_equal(error.code, code);
    }
    assert_non_null(strstr(error.text, other_file));
    check_equal(target->session, target->expected, tiny);
}

static void test_cut_short(void **state)
{
    (void)state;
    struct target target;
    make_target(&target);
    for (size_t size = 0; size < target.content.length; size += size < 200 ? 1 : 37) {
        check_refused(&target, target.content.data, size, ENGINE_BAD_MODEL);
    }
    str_append_char(&target.content, 'x');
    check_refused(&target, target.content.data, target.content.length, ENGINE_BAD_MODEL);
    free_target(&target);
}

static void test_every_byte_matters(void **state)
{
    (void)state;
    struct target target;
    make_target(&target);
    for (size_t i = 0; i < target.content.length; i += i < 200 ? 1 : 3) {
        target.content.data[i] = (char)(target.content.data[i] ^ (1 << i % 8));
        check_refused(&target, target.content.data, target.content.length, ENGINE_OK);
        target.content.data[i] = (char)(target.content.data[i] ^ (1 << i % 8));
    }
    free_target(&target);
}

static void seal_part(char *bytes, size_t size)
{
    struct checksum sum;
    checksum_init(&sum);
    checksum_feed(&sum, bytes, size - 8);
    uint64_t value = checksum_value(&sum);
    memcpy(bytes + size - 8, &value, sizeof value);
}

/* Makes both checksums right. */
static void seal(char *bytes, size_t size)
{
    seal_part(bytes, SNAPSHOT_HEADER_BYTES);
    seal_part(bytes + SNAPSHOT_HEADER_BYTES, size - SNAPSHOT_HEADER_BYTES);
}

/* Numbers that lie, under checksums that are right. */
static void test_lies(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
        enum engine_code code;
    } lies[] = {
        {8, 0x04030201, ENGINE_BAD_MODEL}, /* another order of bytes */
        {12, 3, ENGINE_UNSUPPORTED},       /* version */
        {16, 7, ENGINE_UNSUPPORTED},       /* fingerprint */
        {24, 7, ENGINE_BAD_MODEL},         /* length */
        {32, 1, ENGINE_UNSUPPORTED},       /* K/V type */
        {36, 7, ENGINE_UNSUPPORTED},       /* vocabulary */
        {40, 24, ENGINE_BAD_MODEL},        /* tokens */
        {40, 26, ENGINE_BAD_MODEL},
        {40, 701, ENGINE_CONTEXT_FULL},
        {40, 0xFFFFFFFF, ENGINE_CONTEXT_FULL},
        {44, 0, ENGINE_BAD_MODEL}, /* logits */
        {44, 2, ENGINE_BAD_MODEL},
        {48, 1, ENGINE_BAD_MODEL}, /* copies */
        {48, 0xFFFFFFFF, ENGINE_BAD_MODEL},
        {52, 1, ENGINE_BAD_MODEL}, /* the beginning of the rings */
        {52, 24, ENGINE_BAD_MODEL},
        {52, 26, ENGINE_BAD_MODEL},
        {SNAPSHOT_HEADER_BYTES, 0xFFFFFFFF, ENGINE_BAD_MODEL}, /* the first id */
        {SNAPSHOT_HEADER_BYTES, 1 << 20, ENGINE_BAD_MODEL},
    };
    struct target target;
    make_target(&target);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        char *bytes = test_malloc(target.content.length);
        memcpy(bytes, target.content.data, target.content.length);
        memcpy(bytes + lies[i].offset, &lies[i].value, sizeof lies[i].value);
        seal(bytes, target.content.length);
        check_refused(&target, bytes, target.content.length, lies[i].code);
        test_free(bytes);
    }
    seal(target.content.data, target.content.length); /* the truth is still taken */
    restore(target.session);
    free_target(&target);
}

static void test_foreign_files(void **state)
{
    (void)state;
    struct engine_error error;
    struct engine_session *session = fixture_session(nano, CONTEXT, ENGINE_KV_F32);
    struct engine_session *half = fixture_session(nano, CONTEXT, ENGINE_KV_F16);
    struct engine_session *small = fixture_session(nano, 20, ENGINE_KV_F32);
    struct engine_session *stranger = fixture_session(tiny, 700, ENGINE_KV_F32);
    hold(session, ids, 30);
    save(session);
    assert_false(engine_session_restore(half, file, &error));
    assert_int_equal(error.code, ENGINE_UNSUPPORTED);
    assert_false(engine_session_restore(stranger, file, &error));
    assert_int_equal(error.code, ENGINE_UNSUPPORTED);
    assert_false(engine_session_restore(small, file, &error));
    assert_int_equal(error.code, ENGINE_CONTEXT_FULL);
    assert_false(engine_session_restore(session, "/nowhere/session", &error));
    assert_int_equal(error.code, ENGINE_NOT_FOUND);
    assert_false(engine_session_restore(session, folder, &error));
    assert_int_equal(error.code, ENGINE_BAD_ARGUMENT);
    assert_false(engine_session_save(session, "/nowhere/session", &error));
    assert_int_equal(error.code, ENGINE_IO);
    assert_false(engine_session_save(session, folder, &error)); /* a folder is not replaced */
    assert_int_equal(error.code, ENGINE_IO);
    assert_false(engine_session_save(session, NULL, &error));
    assert_false(engine_session_restore(session, NULL, &error));
    restore(session);
    /* Heads of four values make no blocks of 32. */
    assert_null(engine_session_create(
        tiny, &(struct engine_session_options){.kv_type = ENGINE_KV_Q8}, &error));
    assert_int_equal(error.code, ENGINE_UNSUPPORTED);
    engine_session_destroy(session);
    engine_session_destroy(half);
    engine_session_destroy(small);
    engine_session_destroy(stranger);
}

/* --- memory --- */

static void test_every_allocation(void **state)
{
    (void)state;
    struct engine_session *saved = fixture_session(tiny, 700, ENGINE_KV_F16);
    struct engine_session *before = fixture_session(tiny, 700, ENGINE_KV_F16);
    struct engine_error error;
    hold(saved, tiny_ids, 300);
    hold(saved, tiny_ids, 600); /* long enough for a copy of the rings */
    save(saved);
    hold(before, tiny_ids, 9);
    unsigned long n = 1;
    for (; n < ALLOCATIONS_MAX; n++) {
        struct engine_session *session = fixture_session(tiny, 700, ENGINE_KV_F16);
        hold(session, tiny_ids, 9);
        mem_fail_at(n, 0);
        bool ok = engine_session_restore(session, file, &error);
        mem_fail_at(0, 0);
        check_equal(session, ok ? saved : before, tiny);
        if (!ok) {
            assert_int_equal(error.code, ENGINE_NO_MEMORY);
            hold(session, tiny_ids, 40);
        }
        engine_session_destroy(session);
        if (ok) {
            break;
        }
    }
    assert_in_range(n, 10, ALLOCATIONS_MAX - 1);
    mem_fail_at(1, 1);
    bool ok = engine_session_save(saved, file, &error); /* takes none */
    mem_fail_at(0, 0);
    assert_true(ok);
    engine_session_destroy(saved);
    engine_session_destroy(before);
}

/* --- checksums --- */

static void test_checksum(void **state)
{
    (void)state;
    unsigned char bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * i);
    }
    for (size_t size = 0; size <= sizeof bytes; size += 7) {
        struct checksum whole, parts;
        checksum_init(&whole);
        checksum_init(&parts);
        checksum_feed(&whole, bytes, size);
        for (size_t at = 0, n = 1; at < size; at += n, n = n * 3 % 50 + 1) {
            n = n < size - at ? n : size - at;
            checksum_feed(&parts, bytes + at, n);
        }
        assert_true(checksum_value(&whole) == checksum_value(&parts));
        checksum_feed(&parts, "", 1); /* a zero at the end counts, too */
        assert_true(checksum_value(&whole) != checksum_value(&parts));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_points_of_return_are_saved),
        cmocka_unit_test(test_nothing_held),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_every_byte_matters),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_foreign_files),
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_checksum),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}
