#include "command/command_sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "agent/kv_folder.h"
#include "app/app.h"
#include "app/notice.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/visible.h"
#include "store/store.h"

enum { LISTED = 50, HITS = 20, PICKED = 20 };

static enum exit_code complain(struct app *app, const struct err *err)
{
    notice_print(err->text);
    app_close(app);
    return err->code == ERR_NOT_FOUND || err->code == ERR_ARGUMENT ? EXIT_CODE_BAD_INPUT
                                                                   : EXIT_CODE_FAILURE;
}

/* --- lines --- */

static void append_when(struct str *out, int64_t ms)
{
    char when[32];
    time_t seconds = (time_t)(ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", &local);
    str_append(out, when);
}

static void append_state(struct str *out, const struct store_conversation *conversation)
{
    str_append(out, conversation->trashed_ms > 0    ? "(trash) "
                    : conversation->archived_ms > 0 ? "(archived) "
                                                    : "");
}

void command_sessions_line(struct str *out, const struct store_conversation *conversation)
{
    str_append_format(out, "%s  ", conversation->id);
    command_sessions_choice(out, conversation);
}

void command_sessions_choice(struct str *out, const struct store_conversation *conversation)
{
    append_when(out, conversation->updated_ms);
    str_append_format(out, "  %4lld  ", (long long)conversation->message_count);
    append_state(out, conversation);
    const char *about = conversation->title;
    if (about[0] == '\0') {
        about = conversation->beginning + strspn(conversation->beginning, " \n");
    }
    if (about[0] == '\0') {
        about = conversation->workspace;
    }
    visible_append(out, about, strcspn(about, "\n"), VISIBLE_LINE);
    if (conversation->tags[0] != '\0') {
        str_append(out, "  [");
        visible_append(out, conversation->tags, strlen(conversation->tags), VISIBLE_LINE);
        str_append(out, "]");
    }
}

/* What was found is marked; newlines become spaces. */
static void append_snippet(struct str *out, const char *snippet)
{
    struct str plain;
    str_init(&plain);
    for (const char *at = snippet; *at != '\0'; at++) {
        if (*at == '\1' || *at == '\2') {
            str_append(&plain, *at == '\1' ? "\xC2\xBB" : "\xC2\xAB");
        } else {
            str_append_char(&plain, *at == '\n' || *at == '\t' || *at == '\r' ? ' ' : *at);
        }
    }
    visible_append(out, plain.data, plain.length, VISIBLE_LINE);
    str_finish(&plain);
}

void command_sessions_snippet(struct str *out, const struct store_hit *hit)
{
    append_snippet(out, hit->snippet);
}

void command_sessions_hit(struct str *out, const struct store_hit *hit)
{
    str_append_format(out, "%s ", hit->conversation.id);
    if (hit->ordinal >= 0) {
        str_append_format(out, "#%lld  ", (long long)hit->ordinal + 1);
    } else {
        str_append(out, "title  ");
    }
    command_sessions_hit_choice(out, hit);
}

void command_sessions_hit_choice(struct str *out, const struct store_hit *hit)
{
    append_when(out, hit->created_ms);
    str_append(out, "  ");
    append_state(out, &hit->conversation);
    append_snippet(out, hit->snippet);
}

static json_t *conversation_json(const struct store_conversation *conversation)
{
    return json_pack("{ss ss ss ss ss ss sI sI sb sb sI ss}", "id", conversation->id, "title",
                     conversation->title, "beginning", conversation->beginning, "workspace",
                     conversation->workspace, "model", conversation->model, "tags",
                     conversation->tags, "created_ms", (json_int_t)conversation->created_ms,
                     "updated_ms", (json_int_t)conversation->updated_ms, "archived",
                     conversation->archived_ms > 0, "trashed", conversation->trashed_ms > 0,
                     "messages", (json_int_t)conversation->message_count, "parent",
                     conversation->parent);
}

/* NULL: it holds what JSON cannot. */
static void print_json(json_t *value)
{
    char *line = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    puts(line != NULL ? line : "{\"error\": \"not UTF-8\"}");
    free(line);
    json_decref(value);
}

static void print_conversation(const struct store_conversation *conversation, bool json)
{
    if (json) {
        print_json(conversation_json(conversation));
        return;
    }
    struct str line;
    str_init(&line);
    command_sessions_line(&line, conversation);
    puts(line.data);
    str_finish(&line);
}

/* `number`: to choose it by; 0 = none. */
static void print_hit(const struct store_hit *hit, size_t number, bool json)
{
    if (json) {
        json_t *object = conversation_json(&hit->conversation);
        json_object_set_new(object, "message", json_integer(hit->ordinal));
        json_object_set_new(object, "snippet", json_string(hit->snippet));
        print_json(object);
        return;
    }
    struct str line;
    str_init(&line);
    if (number > 0) {
        str_append_format(&line, "%3zu  ", number);
    }
    command_sessions_hit(&line, hit);
    puts(line.data);
    str_finish(&line);
}

/* --- listing and searching --- */

enum exit_code command_sessions(struct config *config)
{
    struct app app;
    struct err err;
    struct store_conversation *list = NULL;
    size_t count = 0;
    bool all = config_boolean(config, OPTION_ALL);
    enum store_which which = all                                       ? STORE_ALL
                             : config_boolean(config, OPTION_ARCHIVED) ? STORE_ARCHIVED
                             : config_boolean(config, OPTION_TRASH)    ? STORE_TRASHED
                                                                       : STORE_SHOWN;
    if (!app_open_store(&app, config, &err)) {
        notice_print(err.text);
        return app.exit_code;
    }
    if (!store_conversation_list(app.store, which, all ? SIZE_MAX : LISTED + 1, &list, &count,
                                 &err)) {
        return complain(&app, &err);
    }
    for (size_t i = 0; i < count; i++) {
        if (all || i < LISTED) {
            print_conversation(&list[i], config_boolean(config, OPTION_JSON));
        }
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    if (!all && count > LISTED) {
        fprintf(stderr, "carat: the newest %d; --all lists them all\n", LISTED);
    }
    app_close(&app);
    return EXIT_CODE_OK;
}

static void join_words(const struct config *config, size_t first, struct str *out)
{
    for (size_t i = first; i < config->words.count; i++) {
        str_append_format(out, "%s%s", out->length > 0 ? " " : "", config->words.items[i]);
    }
}

/* All of it, because a person who searches wants what is there. */
static bool catch_up(struct app *app, struct err *err)
{
    bool left = true, told = false;
    for (int rounds = 0; left; rounds++) {
        if (!store_search_work(app->store, &left, err)) {
            return false;
        }
        if (left && !told && rounds > 40) {
            fprintf(stderr, "carat: indexing what was said ...\n");
            told = true;
        }
    }
    return true;
}

/* False: Enter alone, or the end of the input. */
static bool ask_hit(size_t count, size_t *number)
{
    char line[64];
    fflush(stdout);
    for (;;) {
        fprintf(stderr, "Number to open it at its place (Enter leaves): ");
        if (fgets(line, sizeof line, stdin) == NULL || line[0] == '\n' || line[0] == 'q') {
            return false;
        }
        unsigned long wanted = strtoul(line, NULL, 10);
        if (wanted >= 1 && wanted <= count) {
            *number = wanted;
            return true;
        }
    }
}

enum exit_code command_search(struct config *config, struct store_hit *chosen, bool *opens)
{
    struct app app;
    struct err err;
    struct str words;
    struct store_hit *hits = NULL;
    size_t count = 0, number = 0;
    bool json = config_boolean(config, OPTION_JSON);
    bool asks = !json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    *opens = false;
    if (!app_open_store(&app, config, &err)) {
        notice_print(err.text);
        return app.exit_code;
    }
    str_init(&words);
    join_words(config, 1, &words);
    bool ok =
        catch_up(&app, &err) && store_search(app.store, words.data, HITS, &hits, &count, &err);
    str_finish(&words);
    if (!ok) {
        return complain(&app, &err);
    }
    for (size_t i = 0; i < count; i++) {
        print_hit(&hits[i], asks ? i + 1 : 0, json);
    }
    *opens = asks && count > 0 && ask_hit(count, &number);
    for (size_t i = 0; i < count; i++) {
        if (*opens && i + 1 == number) {
            *chosen = hits[i];
        } else {
            store_hit_finish(&hits[i]);
        }
    }
    mem_free(hits);
    app_close(&app);
    return count > 0 ? EXIT_CODE_OK : EXIT_CODE_FAILURE; /* as grep */
}

/* --- choosing --- */

/* The candidates, the newest first, in place of those that do not begin with the prefix. */
static size_t keep_matching(struct store_conversation *list, size_t count, const char *prefix)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool fits = prefix == NULL || strncasecmp(list[i].id, prefix, strlen(prefix)) == 0;
        if (fits && kept < PICKED) {
            struct store_conversation fitting = list[i];
            list[i] = list[kept];
            list[kept++] = fitting;
        }
    }
    return kept;
}

static bool ask_number(size_t count, size_t *chosen, struct err *err)
{
    char line[64];
    for (;;) {
        fprintf(stderr, "Number (Enter is 1, q leaves): ");
        if (fgets(line, sizeof line, stdin) == NULL || line[0] == 'q') {
            return err_set(err, ERR_CANCELLED, "nothing was chosen");
        }
        unsigned long number = line[0] == '\n' ? 1 : strtoul(line, NULL, 10);
        if (number >= 1 && number <= count) {
            *chosen = number - 1;
            return true;
        }
    }
}

static bool pick(struct store_conversation *list, size_t count, char id[37], struct err *err)
{
    size_t chosen = 0;
    if (count == 0) {
        return err_set(err, ERR_NOT_FOUND, "there is no such conversation");
    }
    for (size_t i = 0; count > 1 && i < count; i++) {
        struct str line;
        str_init(&line);
        command_sessions_line(&line, &list[i]);
        fprintf(stderr, "%3zu  %s\n", i + 1, line.data);
        str_finish(&line);
    }
    if (count > 1 && !ask_number(count, &chosen, err)) {
        return false;
    }
    memcpy(id, list[chosen].id, sizeof list[chosen].id);
    return true;
}

bool command_sessions_pick(struct app *app, const char *prefix, char id[37], struct err *err)
{
    struct store_conversation *list;
    size_t count;
    if (!store_conversation_list(app->store, STORE_SHOWN, prefix == NULL ? PICKED : 10000, &list,
                                 &count, err)) {
        return false;
    }
    bool ok = pick(list, keep_matching(list, count, prefix), id, err);
    for (size_t i = 0; i < count; i++) {
        store_conversation_finish(&list[i]);
    }
    mem_free(list);
    return ok;
}

/* --- changing --- */

bool command_sessions_open(struct app *app, struct config *config, struct store_conversation *found,
                           enum exit_code *code)
{
    struct err err;
    const char *const *words = (const char *const *)config->words.items;
    if (config->words.count > 2) {
        notice_format("%s takes one id; more was given: %s", words[0], words[2]);
        *code = EXIT_CODE_USAGE;
        return false;
    }
    if (!app_open_store(app, config, &err)) {
        notice_print(err.text);
        *code = app->exit_code;
        return false;
    }
    if (!app_find_conversation(app, config->words.count == 2 ? words[1] : NULL, found, &err)) {
        *code = complain(app, &err);
        return false;
    }
    return true;
}

enum exit_code command_fork(struct config *config)
{
    struct app app;
    struct err err;
    struct store_conversation found;
    enum exit_code code;
    char fork[37];
    if (!command_sessions_open(&app, config, &found, &code)) {
        return code;
    }
    bool ok = store_conversation_fork(app.store, found.id, INT64_MAX, fork, &err);
    store_conversation_finish(&found);
    if (!ok) {
        return complain(&app, &err);
    }
    puts(fork);
    app_close(&app);
    return EXIT_CODE_OK;
}

static bool do_rename(struct store *store, const char *id, const char *words, struct err *err)
{
    return store_conversation_set_title(store, id, words, err);
}

/* "word" puts a tag on, "-word" takes it off. */
static bool do_tag(struct store *store, const char *id, const char *words, struct err *err)
{
    bool on = words[0] != '-';
    return store_conversation_tag(store, id, on ? words : words + 1, on, err);
}

static bool do_archive(struct store *store, const char *id, const char *words, struct err *err)
{
    (void)words;
    return store_conversation_archive(store, id, true, err);
}

static bool do_delete(struct store *store, const char *id, const char *words, struct err *err)
{
    (void)words;
    return store_conversation_trash(store, id, true, err);
}

static bool do_restore(struct store *store, const char *id, const char *words, struct err *err)
{
    (void)words;
    return store_conversation_trash(store, id, false, err) &&
           store_conversation_archive(store, id, false, err);
}

static bool do_purge(struct store *store, const char *id, const char *words, struct err *err)
{
    (void)words;
    return store_conversation_purge(store, id, err);
}

static const struct {
    const char *name;
    bool words; /* takes some behind the id */
    bool (*run)(struct store *store, const char *id, const char *words, struct err *err);
} changes[] = {
    {"rename", true, do_rename},  {"tag", true, do_tag},          {"archive", false, do_archive},
    {"delete", false, do_delete}, {"restore", false, do_restore}, {"purge", false, do_purge},
};

/* Another process may be in the middle of it: what changes all of it needs the lease. */
static bool change(struct app *app, size_t which, const char *words, struct err *err)
{
    struct store_conversation found;
    if (!app_find_conversation(app, app->config->words.items[1], &found, err)) {
        return false;
    }
    bool ok = (changes[which].run != do_delete && changes[which].run != do_purge) ||
              store_conversation_lease(app->store, found.id, err);
    ok = ok && changes[which].run(app->store, found.id, words, err);
    if (ok && changes[which].run == do_purge) {
        kv_folder_forget(app->paths.kv_folder, found.id);
    }
    store_conversation_finish(&found);
    return ok;
}

enum exit_code command_change(struct config *config)
{
    struct app app;
    struct err err;
    struct str words;
    size_t which = 0;
    while (strcmp(changes[which].name, config->words.items[0]) != 0) {
        which++;
    }
    bool enough = config->words.count >= (changes[which].words ? 3u : 2u);
    if (!enough || (!changes[which].words && config->words.count > 2)) {
        fprintf(stderr, "carat: say carat %s ID%s\n", changes[which].name,
                changes[which].words ? " WORD ..." : "");
        return EXIT_CODE_USAGE;
    }
    if (!app_open_store(&app, config, &err)) {
        notice_print(err.text);
        return app.exit_code;
    }
    str_init(&words);
    join_words(config, 2, &words);
    bool ok = change(&app, which, words.data, &err);
    str_finish(&words);
    if (!ok) {
        return complain(&app, &err);
    }
    app_close(&app);
    return EXIT_CODE_OK;
}
