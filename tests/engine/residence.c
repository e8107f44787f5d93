/* residence: which pages of a model's file are ever read. The table of per-layer embeddings is the
 * larger half of the small models: here it is a hole of some 40 MiB in a sparse file, of which only
 * the rows of the tokens that were seen may become resident. And weights are used where they lie:
 * loading takes little memory of the process's own. */
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "load/quant.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

/* Of the per-layer table: rows of WIDTH * TINY_LAYERS F32 values, some 300 of them. */
enum { WIDTH = 1 << 13, SEEN = 6, PAGE = 4096 };

/* Rows at the table's beginning that are not looked at: the system reads ahead, and what lies
 * before the table is read from its beginning to its end. */
enum { MARGIN = 128 };

/* A tiny model whose table of per-layer embeddings lies at the end of the file, as a hole. */
static void write_sparse(char path[64], uint64_t *table, uint64_t *bytes)
{
    struct gguf_writer w;
    size_t size;
    const uint64_t rows = tiny_model_tokens();
    const uint64_t ne[] = {(uint64_t)WIDTH * TINY_LAYERS, rows};
    const uint64_t in[] = {TINY_HIDDEN, WIDTH}, out[] = {WIDTH, TINY_HIDDEN};
    const uint64_t all[] = {TINY_HIDDEN, (uint64_t)WIDTH * TINY_LAYERS};
    gguf_writer_init(&w);
    gguf_writer_u32(&w, "gemma4.embedding_length_per_layer_input", WIDTH);
    gguf_writer_omit(&w, "per_layer_token_embd.weight");
    gguf_writer_tensor(&w, "per_layer_model_proj.weight", QUANT_F16, 2, all, NULL, all[1] * 16);
    gguf_writer_floats(&w, "per_layer_proj_norm.weight", WIDTH, 0);
    for (int l = 0; l < TINY_LAYERS; l++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%d.inp_gate.weight", l);
        gguf_writer_tensor(&w, name, QUANT_F16, 2, in, NULL, (size_t)WIDTH * TINY_HIDDEN * 2);
        snprintf(name, sizeof name, "blk.%d.proj.weight", l);
        gguf_writer_tensor(&w, name, QUANT_F16, 2, out, NULL, (size_t)WIDTH * TINY_HIDDEN * 2);
    }
    tiny_model_write(&w);
    /* The last tensor, whose values are not there yet: the offset is where they will be. */
    uint64_t data = (w.data.size + w.alignment - 1) / w.alignment * w.alignment;
    static const char name[] = "per_layer_token_embd.weight";
    gguf_writer_tensor_raw(&w, name, sizeof name - 1, 2, ne, QUANT_F32, data);
    const unsigned char *file = gguf_writer_finish(&w, &size);
    snprintf(path, 64, "/tmp/carat-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, file, size) == (ssize_t)size);
    *table = size - w.data.size + data;
    *bytes = ne[0] * ne[1] * sizeof(float);
    assert_int_equal(ftruncate(fd, (off_t)(*table + *bytes)), 0);
    close(fd);
    gguf_writer_free(&w);
}

/* Pages of the file's part that the system holds in memory: of a sparse file those that were read,
 * because a hole is written to nowhere. */
static size_t resident_pages(const char *path, uint64_t from, uint64_t bytes)
{
    int fd = open(path, O_RDONLY);
    from = from / PAGE * PAGE;
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)from);
    assert_true(map != MAP_FAILED);
    size_t pages = (bytes + PAGE - 1) / PAGE, count = 0;
    unsigned char *states = malloc(pages);
    assert_non_null(states);
    assert_int_equal(mincore(map, bytes, states), 0);
    for (size_t i = 0; i < pages; i++) {
        count += states[i] & 1;
    }
    free(states);
    munmap(map, bytes);
    close(fd);
    return count;
}

static void test_only_rows_of_the_table(void **state)
{
    (void)state;
    char path[64];
    uint64_t table, bytes;
    struct engine_error error;
    struct engine_plan plan;
    static const int32_t ids[SEEN] = {200, 270, 150, 270, 290, 150};
    enum { DIFFERENT = 4 };
    const size_t row_bytes = (size_t)WIDTH * TINY_LAYERS * sizeof(float);
    write_sparse(path, &table, &bytes);
    struct engine_model_options options = {.path = path, .threads = 2};
    if (!engine_plan(&options, NULL, 0, &plan, &error)) {
        fail_msg("%s", error.text);
    }
    assert_true(plan.mapped >= table + bytes && plan.touched < table + bytes / 100);
    table += MARGIN * row_bytes;
    bytes -= MARGIN * row_bytes;
    size_t before = resident_pages(path, table, bytes);
    assert_in_range(before, 0, 32); /* nor does planning read it */
    struct engine_model *model = engine_model_open(&options, &error);
    if (model == NULL) {
        fail_msg("%s", error.text);
    }
    size_t loaded = resident_pages(path, table, bytes);
    struct engine_session *session = engine_session_create(model, NULL, &error);
    assert_non_null(session);
    assert_true(engine_session_sync(session, ids, SEEN, NULL, &error));
    size_t used = resident_pages(path, table, bytes);
    size_t row_pages = row_bytes / PAGE;
    /* Identity of the file is made of samples from all over it: 64 of a page or two. */
    assert_in_range(loaded, 0, before + 2 * 64 + 32);
    assert_true(used >= DIFFERENT * row_pages); /* a count that sees what is read */
    assert_in_range(used, 1, loaded + DIFFERENT * (row_pages + 64));
    engine_session_destroy(session);
    engine_model_close(model);
    unlink(path);
}

static uint64_t anonymous_bytes(void)
{
    char line[256];
    uint64_t kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL &&
           sscanf(line, "RssAnon: %" SCNu64, &kilobytes) != 1) {
    }
    if (file != NULL) {
        fclose(file);
    }
    return kilobytes * 1024;
}

/* 48 MiB of feed-forward weights, all of them used by a token. */
static void test_weights_are_not_copied(void **state)
{
    (void)state;
    enum { FEED_FORWARD = 1 << 18 };
    const uint64_t in[] = {TINY_HIDDEN, FEED_FORWARD}, out[] = {FEED_FORWARD, TINY_HIDDEN};
    const size_t matrix = (size_t)FEED_FORWARD * TINY_HIDDEN * 2;
    char path[64];
    size_t size;
    struct gguf_writer w;
    struct engine_error error;
    gguf_writer_init(&w);
    gguf_writer_u32(&w, "gemma4.feed_forward_length", FEED_FORWARD);
    for (int l = 0; l < TINY_LAYERS; l++) {
        static const char *const roles[] = {"ffn_gate", "ffn_up", "ffn_down"};
        for (size_t i = 0; i < 3; i++) {
            char name[64];
            snprintf(name, sizeof name, "blk.%d.%s.weight", l, roles[i]);
            gguf_writer_tensor(&w, name, QUANT_F16, 2, i < 2 ? in : out, NULL, matrix);
        }
    }
    tiny_model_write(&w);
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    assert_true(size > 3 * TINY_LAYERS * matrix);
    snprintf(path, sizeof path, "/tmp/carat-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
    gguf_writer_free(&w);
    malloc_trim(0);
    uint64_t before = anonymous_bytes();
    assert_true(before > 0);
    struct engine_model *model =
        engine_model_open(&(struct engine_model_options){.path = path, .threads = 1}, &error);
    if (model == NULL) {
        fail_msg("%s", error.text);
    }
    uint64_t loaded = anonymous_bytes();
    struct engine_session *session = engine_session_create(model, NULL, &error);
    assert_non_null(session);
    assert_true(engine_session_append(session, 2, &error));
    uint64_t used = anonymous_bytes();
    assert_true(loaded < before + 4 * 1024 * 1024);
    /* One row of two activations of FEED_FORWARD values, and a panel of decoded rows, at most. */
    assert_true(used < before + (2 + 16) * (uint64_t)FEED_FORWARD * sizeof(float) + (8 << 20));
    assert_true(used < before + 3 * TINY_LAYERS * (uint64_t)matrix);
    engine_session_destroy(session);
    engine_model_close(model);
    unlink(path);
}

int main(void)
{
    mallopt(M_PERTURB, 0); /* blocks that are filled when they are made would all be touched */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_rows_of_the_table),
        cmocka_unit_test(test_weights_are_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
