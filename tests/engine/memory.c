/* memory: opening, making a session and computing with every single allocation failing in turn: a
 * clean error each time, nothing leaked (the sanitizer build says so), and what is left works. A
 * mixture of experts too, in both layouts of its weights, which give the same bits. */
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

/* Fails every allocation in turn; `expected` gets the logits of a life without failures. */
static void fail_each(struct gguf_writer *writer, float expected[4096])
{
    struct engine_error error;
    int32_t ids[TOKENS];
    char path[64];
    static float logits[4096];
    gguf_writer_u32(writer, "gemma4.context_length", 2 * TOKENS);
    write_model(writer, path);
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
}

static void test_every_allocation(void **state)
{
    (void)state;
    struct gguf_writer writer;
    static float logits[4096];
    gguf_writer_init(&writer);
    fail_each(&writer, logits);
    gguf_writer_free(&writer);
}

static void test_every_allocation_of_a_mixture(void **state)
{
    (void)state;
    static float logits[2][4096];
    for (int split = 0; split < 2; split++) {
        struct gguf_writer writer;
        gguf_writer_init(&writer);
        tiny_model_experts(&writer, split != 0);
        fail_each(&writer, logits[split]);
        gguf_writer_free(&writer);
    }
    assert_memory_equal(logits[0], logits[1], tiny_model_tokens() * sizeof logits[0][0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_every_allocation_of_a_mixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
