#include "app/notice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/visible.h"
#include "config/config.h"

static void put(FILE *file, const char *mark, const char *text)
{
    struct str line;
    str_init(&line);
    visible_append(&line, text, strlen(text), VISIBLE_LINE);
    fprintf(file, "%s%s\n", mark, line.data);
    str_finish(&line);
}

void notice_print(const char *sentence)
{
    put(stderr, "carat: ", sentence);
}

void notice_print_all(struct config_list *sentences)
{
    for (size_t i = 0; i < sentences->count; i++) {
        notice_print(sentences->items[i]);
    }
    config_list_finish(sentences);
}

void notice_format(const char *format, ...)
{
    struct str text;
    va_list arguments;
    str_init(&text);
    va_start(arguments, format);
    str_append_arguments(&text, format, arguments);
    va_end(arguments);
    notice_print(text.data);
    str_finish(&text);
}

void notice_show(const char *format, ...)
{
    struct str text;
    va_list arguments;
    str_init(&text);
    va_start(arguments, format);
    str_append_arguments(&text, format, arguments);
    va_end(arguments);
    put(stdout, "", text.data);
    str_finish(&text);
}

bool notice_text(const char *text, size_t length)
{
    struct str safe;
    str_init(&safe);
    if (isatty(STDOUT_FILENO)) {
        visible_append(&safe, text, length, VISIBLE_TEXT);
    } else {
        str_append_bytes(&safe, text, length);
    }
    bool ok = fwrite(safe.data, 1, safe.length, stdout) == safe.length;
    str_finish(&safe);
    return ok;
}
