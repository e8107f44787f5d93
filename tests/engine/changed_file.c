/* changed_file: a model whose file is cut short or written anew while it is loaded, or while it is
 * being loaded: ENGINE_IO, whichever thread finds the page missing, and never a wrong answer or the
 * end of the process. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/err.h"
#include "engine/engine.h"
#include "engine/engine_media.h"
#include "load/gguf.h"
#include "load/hparams.h"
#include "load/tokenizer.h"
#include "load/weights.h"

static const int32_t prompt[] = {2, 105, 300, 301, 302, 303};
enum { PROMPT = sizeof prompt / sizeof prompt[0] };

struct copy {
    char path[64];
    int fd;
    unsigned char *bytes;
    size_t size;
};

static void write_copy(const struct copy *copy)
{
    assert_int_equal(pwrite(copy->fd, copy->bytes, copy->size, 0), (ssize_t)copy->size);
}

static void make_copy(struct copy *copy, const char *name)
{
    char from[4096];
    struct stat status;
    snprintf(from, sizeof from, "%s/%s", TEST_MODELS, name);
    int fd = open(from, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &status) == 0);
    copy->size = (size_t)status.st_size;
    copy->bytes = malloc(copy->size);
    assert_true(copy->bytes != NULL);
    assert_int_equal(read(fd, copy->bytes, copy->size), status.st_size);
    close(fd);
    snprintf(copy->path, sizeof copy->path, "/tmp/carat-test-XXXXXX");
    copy->fd = mkstemp(copy->path);
    assert_true(copy->fd >= 0);
    write_copy(copy);
}

static void drop_copy(struct copy *copy)
{
    close(copy->fd);
    unlink(copy->path);
    free(copy->bytes);
}

static struct engine_model *open_model(const struct copy *copy, int threads)
{
    struct engine_error error;
    struct engine_model *model = engine_model_open(
        &(struct engine_model_options){.path = copy->path, .threads = threads}, &error);
    if (model == NULL) {
        fail_msg("%s", error.text);
    }
    return model;
}

static void check_error(const struct engine_error *error)
{
    assert_int_equal(error->code, ENGINE_IO);
    assert_non_null(strstr(error->text, ": the file changed while it was in use"));
}

/* Prefill, and then the file ends at `left` bytes. */
static void cut_during_use(int threads, size_t left)
{
    struct copy copy;
    struct engine_error error;
    size_t held;
    make_copy(&copy, "nano.gguf");
    struct engine_model *model = open_model(&copy, threads);
    struct engine_session *session = engine_session_create(
        model, &(struct engine_session_options){.context = 64, .kv_type = ENGINE_KV_F16}, &error);
    assert_non_null(session);
    assert_true(engine_session_sync(session, prompt, PROMPT, NULL, &error));
    assert_int_equal(ftruncate(copy.fd, (off_t)left), 0);
    for (int again = 0; again < 2; again++) {
        assert_false(engine_session_append(session, 304, &error));
        check_error(&error);
        assert_ptr_equal(engine_session_tokens(session, &held),
                         engine_session_tokens(session, &held));
        assert_int_equal(held, PROMPT);
        assert_null(engine_session_logits(session));
    }
    const int32_t other[] = {2, 106, 300, 301};
    assert_false(engine_session_sync(session, other, 4, NULL, &error));
    check_error(&error);
    int32_t *ids = NULL;
    size_t count;
    if (!engine_tokenize(model, "hello there", 11, false, &ids, &count, &error)) {
        check_error(&error); /* with the spellings gone it may not answer */
    }
    engine_free(ids);
    engine_session_destroy(session);
    engine_model_close(model);
    assert_int_equal(ftruncate(copy.fd, 0), 0);
    write_copy(&copy); /* the whole file again: a new model of it works */
    model = open_model(&copy, threads);
    session = engine_session_create(model, &(struct engine_session_options){.context = 64}, &error);
    assert_non_null(session);
    assert_true(engine_session_sync(session, prompt, PROMPT, NULL, &error));
    engine_session_destroy(session);
    engine_model_close(model);
    drop_copy(&copy);
}

static void test_cut_during_use(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 5};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        cut_during_use(threads[i], 0);
        cut_during_use(threads[i], 512 * 1024);
    }
    cut_during_use(2, 3763904 - 8); /* inside of the last page, where nothing faults */
}

static void test_written_anew(void **state)
{
    (void)state;
    struct copy copy;
    struct engine_error error;
    make_copy(&copy, "nano.gguf");
    struct engine_model *model = open_model(&copy, 2);
    struct engine_session *session =
        engine_session_create(model, &(struct engine_session_options){.context = 64}, &error);
    assert_non_null(session);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
    memset(copy.bytes + copy.size / 2, 0x55, copy.size / 4);
    write_copy(&copy);
    assert_int_equal(futimens(copy.fd, times), 0);
    assert_false(engine_session_sync(session, prompt, PROMPT, NULL, &error));
    check_error(&error);
    engine_session_destroy(session);
    engine_model_close(model);
    drop_copy(&copy);
}

/* The container was checked, then its pages go: whatever reads keys and tensors finds zeros. */
static void test_cut_between_the_steps_of_loading(void **state)
{
    (void)state;
    static struct hparams hparams;
    static struct weights weights;
    for (size_t left = 0; left < 256 * 1024; left += 32 * 1024) {
        struct copy copy;
        struct err err;
        make_copy(&copy, "nano.gguf");
        struct gguf *gguf = gguf_open(copy.path, &err);
        assert_non_null(gguf);
        assert_int_equal(ftruncate(copy.fd, (off_t)left), 0);
        if (hparams_read(&hparams, gguf, NULL)) {
            (void)weights_bind(&weights, &hparams, gguf, NULL);
        }
        tokenizer_destroy(tokenizer_create(gguf, NULL));
        (void)gguf_fingerprint(gguf);
        assert_true(gguf_is_broken(gguf));
        assert_false(gguf_check_unchanged(gguf, &err));
        assert_int_equal(err.code, ERR_IO);
        gguf_close(gguf);
        drop_copy(&copy);
    }
}

struct cutter {
    const struct copy *copy;
    atomic_bool stop;
};

static void *cut_and_restore(void *context)
{
    struct cutter *cutter = context;
    for (unsigned i = 0; !atomic_load(&cutter->stop); i++) {
        if (ftruncate(cutter->copy->fd, (off_t)(i * 7919 % cutter->copy->size)) == 0) {
            usleep(i * 37 % 300);
            write_copy(cutter->copy);
        }
        usleep(i * 101 % 900);
    }
    return NULL;
}

/* At any moment of opening: a model, or an error that is none of memory. */
static void test_cut_while_opening(void **state)
{
    (void)state;
    struct copy copy;
    make_copy(&copy, "nano.gguf");
    struct cutter cutter = {.copy = &copy};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cut_and_restore, &cutter), 0);
    unsigned opened = 0, refused = 0;
    for (int i = 0; i < 400; i++) {
        struct engine_error error = {0};
        struct engine_model *model = engine_model_open(
            &(struct engine_model_options){.path = copy.path, .threads = 1}, &error);
        opened += model != NULL;
        refused += model == NULL && (error.code == ENGINE_IO || error.code == ENGINE_BAD_MODEL);
        engine_model_close(model);
    }
    atomic_store(&cutter.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(opened + refused, 400);
    assert_true(refused > 0);
    drop_copy(&copy);
}

static void test_encoders(void **state)
{
    (void)state;
    enum { SIDE = 48 };
    static uint8_t rgb[SIDE * SIDE * 3];
    struct copy copy;
    struct engine_error error;
    struct engine_soft soft = {0};
    static const float samples[16000];
    make_copy(&copy, "mmproj-nano.gguf");
    struct engine_media *media = engine_media_open(
        &(struct engine_media_options){.path = copy.path, .threads = 2, .exact = true}, &error);
    assert_non_null(media);
    if (!engine_media_image(media, rgb, SIDE, SIDE, 70, &soft, &error)) {
        fail_msg("%s", error.text);
    }
    engine_free(soft.values);
    assert_int_equal(ftruncate(copy.fd, 4096), 0);
    rgb[0] = 1; /* another picture: the first one is remembered */
    assert_false(engine_media_image(media, rgb, SIDE, SIDE, 70, &soft, &error));
    check_error(&error);
    assert_false(engine_media_sound(media, samples, 16000, &soft, &error));
    check_error(&error);
    engine_media_close(media);
    drop_copy(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_during_use),
        cmocka_unit_test(test_written_anew),
        cmocka_unit_test(test_cut_between_the_steps_of_loading),
        cmocka_unit_test(test_cut_while_opening),
        cmocka_unit_test(test_encoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
