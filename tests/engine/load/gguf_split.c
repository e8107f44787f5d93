/* Models in several GGUF files: joined they are the model, and every lie of a part is refused. */
#include "load/gguf_split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

#include "load/gguf.h"
#include "load/hparams.h"
#include "load/model_file.h"
#include "load/weights.h"
#include "support/gguf_writer.h"
#include "support/tiny_model.h"

enum { PARTS = 3 };

struct parts {
    char folder[64];
    uint32_t number, count, tensors; /* that part 2 says of itself; 0 count: nothing */
    bool twice;                      /* part 3 has a tensor of part 2 */
};

static void part_path(const struct parts *parts, int number, char path[128])
{
    snprintf(path, 128, "%s/m-%05d-of-%05d.gguf", parts->folder, number, PARTS);
}

static void write_part(const struct parts *parts, int number, struct gguf_writer *w)
{
    char path[128];
    size_t size;
    const unsigned char *bytes = gguf_writer_finish(w, &size);
    part_path(parts, number, path);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    fclose(stream);
    gguf_writer_free(w);
}

/* The keys in the first part, the tensors of the tiny model by thirds in all of them. */
static void write_parts(struct parts *parts)
{
    struct gguf_writer whole;
    size_t size;
    struct err err = {0};
    gguf_writer_init(&whole);
    tiny_model_write(&whole);
    const unsigned char *bytes = gguf_writer_finish(&whole, &size);
    struct gguf *gguf = gguf_open_bytes("x", bytes, size, &err);
    assert_non_null(gguf);
    size_t total = gguf_tensor_count(gguf);
    snprintf(parts->folder, sizeof parts->folder, "/tmp/carat-test-XXXXXX");
    assert_non_null(mkdtemp(parts->folder));
    for (int number = 0; number < PARTS; number++) {
        struct gguf_writer w;
        bool lies = number == 1;
        gguf_writer_init(&w);
        gguf_writer_integer(&w, "split.no", GGUF_U16, lies ? parts->number : (uint32_t)number);
        gguf_writer_integer(&w, "split.count", GGUF_U16, lies ? parts->count : PARTS);
        if (number == 0) {
            gguf_writer_integer(&w, "split.tensors.count", GGUF_I32,
                                (int64_t)total + (int64_t)parts->tensors);
            tiny_model_hparams(&w);
            tiny_model_vocabulary(&w);
        }
        for (size_t i = total * (size_t)number / PARTS; i < total * ((size_t)number + 1) / PARTS;
             i++) {
            size_t from = number == 2 && parts->twice && i + 1 == total ? total / PARTS : i;
            const struct gguf_tensor *t = gguf_tensor_at(gguf, from);
            gguf_writer_tensor(&w, t->name, t->type, t->dimension_count, t->ne, t->data, t->bytes);
        }
        write_part(parts, number + 1, &w);
    }
    gguf_close(gguf);
    gguf_writer_free(&whole);
}

static void remove_parts(const struct parts *parts)
{
    for (int number = 1; number <= PARTS; number++) {
        char path[128];
        part_path(parts, number, path);
        unlink(path);
    }
    rmdir(parts->folder);
}

static void joins_the_parts(void **state)
{
    (void)state;
    static struct hparams hparams;
    static struct weights weights;
    struct parts parts = {.number = 1, .count = PARTS};
    struct err err = {0};
    char path[128];
    write_parts(&parts);
    part_path(&parts, 1, path);
    struct gguf *gguf = model_file_open(path, &err);
    if (gguf == NULL || !hparams_read(&hparams, gguf, &err) ||
        !weights_bind(&weights, &hparams, gguf, &err)) {
        fail_msg("%s", err.text);
    }
    uint64_t fingerprint = gguf_fingerprint(gguf);
    const struct gguf_tensor *last = gguf_tensor_at(gguf, gguf_tensor_count(gguf) - 1);
    assert_string_equal(last->name, "blk.3.layer_output_scale.weight");
    assert_true(gguf_file_bytes(gguf) > 3 * last->bytes);
    gguf_close(gguf);

    part_path(&parts, 3, path); /* the fingerprint covers the last part too */
    FILE *stream = fopen(path, "r+b");
    assert_non_null(stream);
    fseek(stream, -1, SEEK_END);
    fputc(1, stream);
    fclose(stream);
    part_path(&parts, 1, path);
    gguf = model_file_open(path, &err);
    assert_non_null(gguf);
    assert_true(gguf_fingerprint(gguf) != fingerprint);
    gguf_close(gguf);
    remove_parts(&parts);
}

static void check_refusal(struct parts parts, int opened, enum err_code code, const char *part)
{
    struct err err = {0};
    char path[128];
    write_parts(&parts);
    if (code == ERR_NOT_FOUND) {
        part_path(&parts, PARTS, path);
        unlink(path);
    }
    part_path(&parts, opened, path);
    struct gguf *gguf = model_file_open(path, &err);
    if (gguf != NULL || err.code != code || strstr(err.text, part) == NULL) {
        fail_msg("code %d, \"%s\"; must say \"%s\"", err.code, err.text, part);
    }
    remove_parts(&parts);
}

static void refuses_parts_that_do_not_fit(void **state)
{
    (void)state;
    const struct parts sound = {.number = 1, .count = PARTS};
    check_refusal(sound, 2, ERR_UNSUPPORTED, "part 2 of 3; open the first part");
    check_refusal(sound, 1, ERR_NOT_FOUND, "m-00003-of-00003.gguf");
    check_refusal((struct parts){.number = 2, .count = PARTS}, 1, ERR_FORMAT,
                  "says to be part 3 of 3, not 2 of 3");
    check_refusal((struct parts){.number = 1, .count = 4}, 1, ERR_FORMAT, "part 2 of 4, not 2 of");
    check_refusal((struct parts){.number = 9, .count = PARTS}, 1, ERR_LIMIT, "part 9 of 3 cannot");
    check_refusal((struct parts){.number = 1, .count = PARTS, .tensors = 1}, 1, ERR_FORMAT,
                  "the key split.tensors.count says");
    check_refusal((struct parts){.number = 1, .count = PARTS, .twice = true}, 1, ERR_FORMAT,
                  "is there twice");
    struct gguf_writer w;
    struct err err = {0};
    size_t size;
    gguf_writer_init(&w);
    gguf_writer_u32(&w, "split.no", 0);
    gguf_writer_u32(&w, "split.count", 2);
    tiny_model_write(&w);
    const unsigned char *bytes = gguf_writer_finish(&w, &size);
    struct gguf *gguf = gguf_open_bytes("other.gguf", bytes, size, &err);
    assert_non_null(gguf);
    assert_false(gguf_split_join(gguf, &err));
    assert_non_null(strstr(err.text, "its name must end in -00001-of-00002.gguf"));
    gguf_close(gguf);
    gguf_writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_the_parts),
        cmocka_unit_test(refuses_parts_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
