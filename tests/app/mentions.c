/* mentions: which words of a message name a picture or a sound, and which are only words. */
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

#include "app/mentions.h"
#include "base/str.h"

static char folder[] = "/tmp/carat-mentions-XXXXXX";
static const char *const files[] = {"a.png",   "b c.JPG",  "d.jpeg",
                                    "say.wav", "notes.md", "it's.png"};

static int make_files(void **state)
{
    (void)state;
    char path[128];
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
    snprintf(path, sizeof path, "%s/folder.png", folder);
    return mkdir(path, 0700);
}

static int remove_files(void **state)
{
    (void)state;
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/folder.png", folder);
    rmdir(path);
    return rmdir(folder);
}

/* The text with F for the folder names just these, "+" before a picture and "-" before a sound. */
static void names(const char *pattern, const char *expected)
{
    struct str text, found, path;
    size_t at = 0;
    bool picture;
    str_init(&text);
    str_init(&found);
    str_init(&path);
    for (; pattern[0] != '\0'; pattern++) {
        str_append_bytes(&text, pattern, pattern[0] != 'F');
        str_append(&text, pattern[0] == 'F' ? folder : "");
    }
    while (mentions_next(text.data, &at, folder, folder, &path, &picture)) {
        assert_memory_equal(path.data, folder, strlen(folder));
        str_append_format(&found, "%s%s ", picture ? "+" : "-", path.data + strlen(folder) + 1);
    }
    assert_string_equal(found.data != NULL ? found.data : "", expected);
    str_finish(&path);
    str_finish(&found);
    str_finish(&text);
}

static void test_at(void **state)
{
    (void)state;
    names("what is @a.png", "+a.png ");
    names("@a.png, @d.jpeg and (@say.wav).", "+a.png +d.jpeg -say.wav ");
    names("@\"b c.JPG\" and @'b c.JPG' and @b\\ c.JPG?", "+b c.JPG +b c.JPG +b c.JPG ");
    names("@./a.png\n@F/a.png @~/a.png", "+./a.png +a.png +a.png ");
    names("it's @it's.png or @\"it's.png\", isn't it", "+it's.png +it's.png ");
}

static void test_pasted(void **state)
{
    (void)state;
    names("F/a.png", "+a.png ");
    names("'F/b c.JPG' F/b\\ c.JPG", "+b c.JPG +b c.JPG ");
    names("file://F/b%20c.JPG and text", "+b c.JPG ");
    names("file://localhostF/a.png", "+a.png ");
}

static void test_only_words(void **state)
{
    (void)state;
    names("", "");
    names("a.png", "");
    names("me@a.png", "");
    names("@gone.png @notes.md @folder.png @ @.png @\" @'", "");
    names("file://elsewhere/a.png file:///tmp/%00a.png file://", "");
    names("it's 'open @notes.md", "");
    names("@a.png\\", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at),
        cmocka_unit_test(test_pasted),
        cmocka_unit_test(test_only_words),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
