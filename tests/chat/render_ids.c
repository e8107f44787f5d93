/* The renderer and the real tokenizer together: for every reference conversation the ids that go to
 * the engine are those of the reference, which tokenized the whole string at once with its control
 * tokens recognised. Arguments: the model file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cases.h"
#include "chat/render_json.h"
#include "engine/engine.h"

static const char *model_path;
static struct engine_model *model;
static struct control_ids control;

static int32_t find(void *context, const char *spelling)
{
    return engine_token_find(context, spelling);
}

static bool encode(void *context, const char *text, size_t length, struct chat_ids *out,
                   struct err *err)
{
    struct engine_error error;
    int32_t *ids;
    size_t count;
    if (!engine_tokenize(context, text, length, false, &ids, &count, &error)) {
        return err_set(err, ERR_FORMAT, "%s", error.text);
    }
    vec_room(&out->items, &out->capacity, out->count + count, sizeof *out->items);
    memcpy(out->items + out->count, ids, count * sizeof *ids);
    out->count += count;
    engine_free(ids);
    return true;
}

static int open_model(void **state)
{
    (void)state;
    struct engine_model_options options = {.path = model_path, .threads = 1};
    struct engine_error error;
    struct err err;
    model = engine_model_open(&options, &error);
    if (model == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    int32_t size = engine_model_info(model)->vocabulary_size;
    if (!control_ids_resolve(&control, size, find, model, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    engine_model_close(model);
    return 0;
}

static void check_ids(const json_t *value, const char *label)
{
    const struct chat_encoder encoder = {.context = model, .encode = encode, .control = &control};
    const json_t *expected = json_object_get(value, "ids");
    struct chat_prompt prompt;
    struct chat_ids ids = {0};
    struct err err;
    chat_prompt_init(&prompt);
    if (!chat_render_json(&prompt, value, &err) ||
        !chat_prompt_encode(&prompt, &encoder, &ids, &err)) {
        fail_msg("%s: %s", label, err.text);
    }
    if (ids.count != json_array_size(expected)) {
        fail_msg("%s: %zu ids, expected %zu", label, ids.count, json_array_size(expected));
    }
    for (size_t i = 0; i < ids.count; i++) {
        json_int_t id = json_integer_value(json_array_get(expected, i));
        if (ids.items[i] != id) {
            fail_msg("%s: id %zu is %d, expected %d", label, i, (int)ids.items[i], (int)id);
        }
    }
    mem_free(ids.items);
    chat_prompt_finish(&prompt);
}

static void test_reference_ids(void **state)
{
    (void)state;
    json_t *cases = cases_load("render.jsonl");
    assert_int_equal(json_array_size(cases), 160);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        check_ids(json_array_get(cases, i), cases_label(json_array_get(cases, i), i));
    }
    json_decref(cases);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference_ids)};
    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL.gguf\n", argv[0]);
        return 1;
    }
    model_path = argv[1];
    return cmocka_run_group_tests(tests, open_model, close_model);
}
