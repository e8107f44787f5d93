/* prompt_input: which of words and standard input make the prompt, and when input is not waited
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "command/prompt_input.h"

/* The read end of a pipe that holds this text; the write end is closed, or handed out. */
static int pipe_with(const char *text, int *writer)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    if (writer != NULL) {
        *writer = ends[1];
    } else {
        close(ends[1]);
    }
    return ends[0];
}

static void gives(char *const words[], size_t count, int input, const char *expected)
{
    struct str prompt;
    struct err err;
    str_init(&prompt);
    assert_true(prompt_input_read(words, count, input, &prompt, &err));
    assert_string_equal(prompt.data, expected);
    str_finish(&prompt);
    close(input);
}

static void refuses(char *const words[], size_t count, int input, const char *why)
{
    struct str prompt;
    struct err err;
    str_init(&prompt);
    assert_false(prompt_input_read(words, count, input, &prompt, &err));
    assert_non_null(strstr(err.text, why));
    assert_int_equal(prompt.length, 0);
    str_finish(&prompt);
    close(input);
}

static char *const two_words[] = {"sum", "up", "-"};

static void words_and_pipes(void **state)
{
    (void)state;
    gives(NULL, 0, pipe_with("hello\n", NULL), "hello\n");
    gives(two_words + 2, 1, pipe_with("hello\n", NULL), "hello\n");
    gives(two_words, 2, pipe_with("line\n", NULL), "sum up\n\nline\n");
    gives(two_words, 3, pipe_with("line\n", NULL), "sum up\n\nline\n");
    gives(two_words, 2, pipe_with("", NULL), "sum up");
    gives(two_words, 2, pipe_with(" \n", NULL), "sum up");
    gives(two_words, 2, -1, "sum up");
}

static void an_inherited_pipe_is_not_waited_for(void **state)
{
    (void)state;
    int writer;
    int input = pipe_with("", &writer);
    int64_t began = clock_monotonic_us();
    gives(two_words, 2, input, "sum up");
    assert_in_range(clock_monotonic_us() - began, 90 * 1000, 20 * 1000 * 1000);
    close(writer);
}

static void a_file_is_read(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(fputs("in a file", file) >= 0 && fflush(file) == 0);
    rewind(file);
    gives(two_words, 2, dup(fileno(file)), "sum up\n\nin a file");
    fclose(file);
}

static void bad_prompts(void **state)
{
    (void)state;
    char *const blank[] = {" "};
    char *const bad[] = {"\xFF"};
    refuses(NULL, 0, pipe_with("", NULL), "empty");
    refuses(blank, 1, -1, "empty");
    refuses(bad, 1, -1, "UTF-8");
    refuses(two_words, 2, pipe_with("\xC3", NULL), "UTF-8");
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), 5 * 1024 * 1024), 0);
    refuses(two_words, 2, dup(fileno(file)), "larger than");
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_pipes),
        cmocka_unit_test(an_inherited_pipe_is_not_waited_for),
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(bad_prompts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
