#include "app/notice.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/visible.h"
#include "config/config.h"

void notice_print(const char *sentence)
{
    struct str line;
    str_init(&line);
    str_append(&line, "carat: ");
    visible_append(&line, sentence, strlen(sentence), VISIBLE_LINE);
    fprintf(stderr, "%s\n", line.data);
    str_finish(&line);
}

void notice_print_all(struct config_list *sentences)
{
    for (size_t i = 0; i < sentences->count; i++) {
        notice_print(sentences->items[i]);
    }
    config_list_finish(sentences);
}
