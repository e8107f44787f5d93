/* memory: opening, making a session and computing with every single allocation failing in turn: a
 * clean error each time, nothing leaked (the sanitizer build says so), and what is left works. A
 * mixture of experts is refused the same way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

enum { ALLOCATIONS_MAX = 2000, TOKENS = 300 };

/* Writes a file and gives its path. */
static void write_model(struct gguf_writer *writer, char path[64])
{
    size_t size;
    tiny_model_write(writer);
    const unsigned char *bytes = gguf_writer_finish(writer, &size);
    snprintf(path, 64, "/tmp/carat-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

/* The whole life of a model; true when nothing failed. */
static bool live(const char *path, const int32_t *ids, float *logits, struct engine_error *error)
{
    bool ok = false;
    struct engine_session *session = NULL;
    struct engine_model *model =
        engine_model_open(&(struct engine_model_options){.path = path, .threads = 2}, error);
    if (model != NULL) {
        session = engine_session_create(model, &(struct engine_session_options){.context = TOKENS},
                                        error);
    }
    if (session != NULL) {
        ok = engine_session_sync(session, ids, TOKENS, NULL, error);
        if (!ok) { /* whatever failed, the session goes on from where it is */
            mem_fail_at(0, 0);
            struct engine_error again;
            assert_true(engine_session_sync(session, ids, TOKENS, NULL, &again));
        }
        memcpy(logits, engine_session_logits(session),
               (size_t)engine_model_info(model)->vocabulary_size * sizeof *logits);
    }
    engine_session_destroy(session);
    engine_model_close(model);
    return ok;
}

static void test_every_allocation(void **state)
{
    (void)state;
    struct gguf_writer writer;
    struct engine_error error;
    int32_t ids[TOKENS];
    char path[64];
    static float expected[4096], logits[4096];
    gguf_writer_init(&writer);
    gguf_writer_u32(&writer, "gemma4.context_length", 2 * TOKENS);
    write_model(&writer, path);
    for (size_t i = 0; i < TOKENS; i++) {
        ids[i] = (int32_t)(i * 13 % tiny_model_tokens());
    }
    assert_true(tiny_model_tokens() <= 4096);
    mem_fail_at(0, 0);
    if (!live(path, ids, expected, &error)) {
        fail_msg("%s", error.text);
    }
    unsigned long allocations = mem_allocation_count(), refused = 0;
    assert_in_range(allocations, 20, ALLOCATIONS_MAX);
    for (unsigned long n = 1; n <= allocations; n++) {
        memset(logits, 0, sizeof logits);
        mem_fail_at(n, 0);
        bool ok = live(path, ids, logits, &error);
        mem_fail_at(0, 0);
        if (ok) { /* it can do without, as without a copy of the rings */
            assert_memory_equal(logits, expected, tiny_model_tokens() * sizeof *logits);
            continue;
        }
        refused++;
        assert_int_equal(error.code, ENGINE_NO_MEMORY);
        assert_int_not_equal(strlen(error.text), 0);
    }
    assert_true(refused + 2 >= allocations);
    unlink(path);
    gguf_writer_free(&writer);
}

static void test_mixture_is_refused(void **state)
{
    (void)state;
    struct gguf_writer writer;
    struct engine_error error;
    char path[64];
    gguf_writer_init(&writer);
    gguf_writer_u32(&writer, "gemma4.expert_count", 8);
    gguf_writer_u32(&writer, "gemma4.expert_used_count", 2);
    gguf_writer_u32(&writer, "gemma4.expert_feed_forward_length", 8);
    write_model(&writer, path);
    assert_null(engine_model_open(&(struct engine_model_options){.path = path}, &error));
    assert_int_equal(error.code, ENGINE_UNSUPPORTED);
    assert_non_null(strstr(error.text, "8 experts"));
    unlink(path);
    gguf_writer_free(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_mixture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
