#include "app/notice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/visible.h"
#include "config/config.h"

static const char prefix[] = "carat: ";

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
    put(stderr, prefix, sentence);
}

void notice_print_all(struct config_list *sentences)
{
    for (size_t i = 0; i < sentences->count; i++) {
        notice_print(sentences->items[i]);
    }
    config_list_finish(sentences);
}

__attribute__((format(printf, 3, 0))) static void put_format(FILE *file, const char *mark,
                                                             const char *format, va_list arguments)
{
    struct str text;
    str_init(&text);
    str_append_arguments(&text, format, arguments);
    put(file, mark, text.data);
    str_finish(&text);
}

void notice_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_format(stderr, prefix, format, arguments);
    va_end(arguments);
}

void notice_show(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_format(stdout, "", format, arguments);
    va_end(arguments);
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
