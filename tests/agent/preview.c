/* What the user is shown before a file is changed: the difference to the real file, and the call
 * itself wherever no difference tells the truth. */
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

#include "agent/preview.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

static char folder[] = "/tmp/carat-preview-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "bin", "link", "pipe"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(names[i]);
    }
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void shows(const char *tool, const char *arguments, const char *expected)
{
    struct str out;
    json_t *object = json_loads(arguments, 0, NULL);
    assert_non_null(object);
    str_init(&out);
    preview_describe(folder, tool, object, &out);
    assert_string_equal(out.data, expected);
    str_finish(&out);
    json_decref(object);
}

static void put(const char *name, const char *text, size_t length)
{
    assert_true(file_replace(name, text, length, NULL));
}

static void test_differences(void **state)
{
    (void)state;
    put("a", "one\ntwo\nthree\n", 14);
    shows("edit_file", "{\"path\": \"a\", \"old_text\": \"two\", \"new_text\": \"2\"}",
          "edit a\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three");
    shows("write_file", "{\"path\": \"a\", \"content\": \"one\\ntwo\\nthree\"}",
          "write a\n@@ -1,3 +1,3 @@\n one\n two\n-three\n+three\n\\ No newline at end of file");
    /* What it shows is what is there now. */
    put("a", "two\n", 4);
    shows("edit_file", "{\"path\": \"a\", \"old_text\": \"two\", \"new_text\": \"2\"}",
          "edit a\n@@ -1,1 +1,1 @@\n-two\n+2");
}

/* Lines end in the file as edit_file makes them end, so what is shown is what will be there. */
static void test_line_ends(void **state)
{
    (void)state;
    put("a", "one\r\ntwo\r\nthree\r\n", 17);
    shows("edit_file", "{\"path\": \"a\", \"old_text\": \"two\", \"new_text\": \"2a\\n2b\"}",
          "edit a\n@@ -1,3 +1,4 @@\n one\\x0D\n-two\\x0D\n+2a\\x0D\n+2b\\x0D\n three\\x0D");
    shows("edit_file", "{\"path\": \"a\", \"old_text\": \"one\\ntwo\", \"new_text\": \"1\\n2\"}",
          "edit a\n@@ -1,3 +1,3 @@\n-one\\x0D\n-two\\x0D\n+1\\x0D\n+2\\x0D\n three\\x0D");
    /* So does write_file. */
    shows("write_file", "{\"path\": \"a\", \"content\": \"one\\n2\\nthree\\n\"}",
          "write a\n@@ -1,3 +1,3 @@\n one\\x0D\n-two\\x0D\n+2\\x0D\n three\\x0D");
}

static void test_nothing_hides(void **state)
{
    (void)state;
    put("a", "x\n", 2);
    shows("edit_file",
          "{\"path\": \"a\", \"old_text\": \"x\", \"new_text\": \"\\u202ey\\u001b[2J\\r\\n+z\"}",
          "edit a\n@@ -1,1 +1,2 @@\n-x\n+\\u{202E}y\\x1B[2J\\x0D\n++z");
}

/* The call itself, in full. */
static void test_no_difference(void **state)
{
    (void)state;
    put("a", "x x\n", 4);
    put("bin", "a\0b", 3);
    assert_int_equal(symlink("/etc/hostname", "link"), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    shows("edit_file", "{\"path\": \"a\", \"old_text\": \"x\", \"new_text\": \"y\"}",
          "edit a\n- x\n+ y");
    shows("edit_file", "{\"path\": \"a\", \"old_text\": \"q\", \"new_text\": \"y\"}",
          "edit a\n- q\n+ y");
    shows("write_file", "{\"path\": \"new\", \"content\": \"n\"}",
          "write new\n+ n\n\\ No newline at end of file");
    shows("write_file", "{\"path\": \"a\", \"content\": \"x x\\n\"}", "write a\n+ x x");
    shows("write_file", "{\"path\": \"new\", \"content\": \"n\\n\\nm\\n\"}",
          "write new\n+ n\n+ \n+ m");
    shows("write_file", "{\"path\": \"new\", \"content\": \"\\n\"}", "write new\n+ ");
    shows("write_file", "{\"path\": \"new\", \"content\": \"\"}", "write new\n\\ Empty file");
    shows("write_file", "{\"path\": \"bin\", \"content\": \"n\"}",
          "write bin\n+ n\n\\ No newline at end of file");
    shows("write_file", "{\"path\": \"link\", \"content\": \"n\"}",
          "write link\n+ n\n\\ No newline at end of file");
    shows("write_file", "{\"path\": \"pipe\", \"content\": \"n\"}",
          "write pipe\n+ n\n\\ No newline at end of file");
    shows("write_file", "{\"path\": \"../../etc/hostname\", \"content\": \"n\"}",
          "write ../../etc/hostname\n+ n\n\\ No newline at end of file");
    shows("write_file", "{\"path\": \"a\", \"content\": \"n\", \"more\": 1}",
          "write a\n+ n\n\\ No newline at end of file\nmore: 1");
    shows("shell", "{\"command\": \"ls\"}", "$ ls");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_nothing_hides),
        cmocka_unit_test(test_no_difference),
    };
    return cmocka_run_group_tests_name("agent_preview", tests, set_up, tear_down);
}
