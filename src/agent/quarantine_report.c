/* quarantine_report: what a look has found, in words. */
#include <string.h>

#include "agent/quarantine.h"
#include "approval/launch_points.h"
#include "base/str.h"
#include "base/visible.h"

/* A command can make thousands of names. */
enum { MOST_NAMES = 20 };

void quarantine_report_finish(struct quarantine_report *report)
{
    quarantine_list_finish(&report->moved);
    quarantine_list_finish(&report->failed);
    quarantine_list_finish(&report->unseen);
    quarantine_list_finish(&report->changed);
    *report = (struct quarantine_report){0};
}

static void append_names(struct str *text, const struct quarantine_list *list, const char *unnamed)
{
    for (size_t i = 0; i < list->count && i < MOST_NAMES; i++) {
        const char *reason = launch_points_reason(list->items[i]);
        str_append(text, i > 0 ? ", " : "");
        visible_append(text, list->items[i], strlen(list->items[i]), VISIBLE_APPROVAL);
        str_append_format(text, " (%s)", reason != NULL ? reason : unnamed);
    }
    if (list->count > MOST_NAMES) {
        str_append_format(text, " and %zu more", list->count - MOST_NAMES);
    }
}

static void say_list(const char *words, const struct quarantine_list *list, const char *unnamed,
                     void (*say)(void *context, const char *sentence), void *context)
{
    struct str text;
    str_init(&text);
    if (list->count > 0) {
        str_append(&text, words);
        append_names(&text, list, unnamed);
        say(context, text.data);
    }
    str_finish(&text);
}

void quarantine_report_say(const struct quarantine_report *report,
                           void (*say)(void *context, const char *sentence), void *context)
{
    static const char run[] = "programs run it";
    say_list("moved aside, with " QUARANTINE_SUFFIX " behind the name: ", &report->moved, run, say,
             context);
    say_list("look at this before you go on, it was not moved aside: ", &report->failed, run, say,
             context);
    say_list("look into this before you go on, it could not be read: ", &report->unseen,
             "programs may run what is in it", say, context);
    say_list("changed, and other programs obey it: ", &report->changed, run, say, context);
    if (report->cut) {
        struct str text;
        str_init(&text);
        str_append_format(&text,
                          "there are more than %d folders here, or thousands of names that other "
                          "programs run: whether a command made one in the rest of them was not "
                          "looked at",
                          QUARANTINE_FOLDERS);
        say(context, text.data);
        str_finish(&text);
    }
}
