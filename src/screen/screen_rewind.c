#include "screen/screen_rewind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rewind.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "screen/own_command.h"
#include "screen/screen_conversation.h"
#include "screen/screen_state.h"
#include "store/store.h"

enum { LISTED_MOST = 20, LISTED_BYTES = 60 };

enum what { WHAT_ASK, WHAT_BOTH, WHAT_CONVERSATION, WHAT_FILES, WHAT_LIST, WHAT_MENU };

static const char *const what_names[] = {[WHAT_BOTH] = "both",
                                         [WHAT_CONVERSATION] = "conversation",
                                         [WHAT_FILES] = "files",
                                         [WHAT_LIST] = "list",
                                         [WHAT_MENU] = "menu"};

struct wish {
    long back; /* which message, counted from the last one */
    enum what what;
};

/* --- the words --- */

static bool read_word(const char *word, size_t length, struct wish *wish)
{
    if (word[0] >= '1' && word[0] <= '9' && length < 7) {
        char *end;
        wish->back = strtol(word, &end, 10);
        return end == word + length;
    }
    for (size_t i = WHAT_BOTH; i < sizeof what_names / sizeof what_names[0]; i++) {
        if (strlen(what_names[i]) == length && memcmp(what_names[i], word, length) == 0) {
            wish->what = (enum what)i;
            return true;
        }
    }
    return false;
}

static bool read_wish(const char *words, struct wish *wish)
{
    *wish = (struct wish){.back = 1};
    for (words += strspn(words, " "); words[0] != '\0'; words += strspn(words, " ")) {
        size_t length = strcspn(words, " ");
        if (!read_word(words, length, wish)) {
            return false;
        }
        words += length;
    }
    return true;
}

/* --- the messages --- */

static bool is_said(const struct chat_message *message)
{
    return message->role == CHAT_USER && !own_command_is_note(message->text);
}

/* The place of the message that is `back` messages before the end; -1 = none. */
static int64_t place_of(const struct chat_conversation *conversation, long back)
{
    for (size_t i = conversation->count; i-- > 0;) {
        if (is_said(&conversation->messages[i]) && --back == 0) {
            return (int64_t)i;
        }
    }
    return -1;
}

static struct rewind rewind_to(struct screen *screen, const char *id, int64_t place)
{
    return (struct rewind){
        .store = screen->app.store, .undo = screen->app.undo, .conversation = id, .ordinal = place};
}

/* Without undo nothing is known of files, which is no failure. */
static bool count(struct screen *screen, const char *id, int64_t place, struct undo_tally *tally,
                  struct err *err)
{
    struct rewind rewind = rewind_to(screen, id, place);
    *tally = (struct undo_tally){0};
    return screen->app.undo == NULL || rewind_count(&rewind, tally, err);
}

static void append_tally(struct str *out, const struct undo_tally *tally)
{
    str_append_format(out, "%zu path%s in %zu turn%s", tally->paths, tally->paths == 1 ? "" : "s",
                      tally->turns, tally->turns == 1 ? "" : "s");
}

static void append_said(struct str *out, const char *text)
{
    struct str line;
    size_t length = strcspn(text, "\n");
    str_init(&line);
    visible_append(&line, text, length, VISIBLE_LINE);
    size_t shown = line.length;
    if (shown > LISTED_BYTES) {
        shown = utf8_complete_length(line.data, LISTED_BYTES);
    }
    str_append_bytes(out, line.data, shown);
    str_append(out, shown < line.length || text[length] != '\0' ? "..." : "");
    str_finish(&line);
}

/* A line about the message that is `back` messages before the end; false: there is none, or *err
 * says why its files cannot be counted. */
static bool append_message(struct screen *screen, const char *id, long back, struct str *text,
                           struct err *err)
{
    const struct chat_conversation *conversation = agent_conversation(screen->app.agent);
    struct undo_tally tally;
    int64_t place = place_of(conversation, back);
    if (place < 0) {
        return false;
    }
    str_append_format(text, "%3ld  ", back);
    append_said(text, conversation->messages[place].text);
    if (!count(screen, id, place, &tally, err)) {
        return false;
    }
    if (tally.turns > 0) {
        str_append(text, "  (since then ");
        append_tally(text, &tally);
        str_append_char(text, ')');
    }
    return true;
}

/* The messages as a list to choose from: the way of Esc Esc. */
static void menu(struct screen *screen, const char *id)
{
    struct tui_choice choices[LISTED_MOST];
    struct str texts[LISTED_MOST];
    char commands[LISTED_MOST][16];
    struct err err = {0};
    size_t made = 0, lines = 0;
    for (bool more = true; more && lines < LISTED_MOST; lines++) {
        str_init(&texts[lines]);
        snprintf(commands[lines], sizeof commands[lines], "/rewind %zu", lines + 1);
        more = append_message(screen, id, (long)lines + 1, &texts[lines], &err);
        choices[lines] = (struct tui_choice){texts[lines].data, commands[lines]};
        made += more;
    }
    if (err.code != ERR_NONE) {
        screen_notice(screen, true, "%s", err.text);
    } else if (made > 0) {
        tui_pick(screen->tui, "Back to before which message (Esc leaves)", choices, made);
    }
    while (lines > 0) {
        str_finish(&texts[--lines]);
    }
}

static void list(struct screen *screen, const char *id)
{
    const struct chat_conversation *conversation = agent_conversation(screen->app.agent);
    struct str text;
    struct err err = {0};
    str_init(&text);
    for (long back = 1; back <= LISTED_MOST; back++) {
        if (!append_message(screen, id, back, &text, &err)) {
            break;
        }
        str_append_char(&text, '\n');
    }
    if (place_of(conversation, LISTED_MOST + 1) >= 0) {
        str_append(&text, "     and earlier ones, numbered on\n");
    }
    str_append(&text, "/rewind N goes back to before message N.");
    if (err.code != ERR_NONE) {
        screen_notice(screen, true, "%s", err.text);
    } else {
        tui_add_notice(screen->tui, text.data, false);
    }
    str_finish(&text);
}

/* --- going back --- */

static void offer(struct screen *screen, const struct wish *wish, const struct undo_tally *tally)
{
    static const char *const words[] = {"the conversation and the files", "the conversation only",
                                        "the files only"};
    struct str text;
    str_init(&text);
    str_append(&text, "Since then the model changed ");
    append_tally(&text, tally);
    str_append_format(&text,
                      ". Say which:\n"
                      "/rewind %ld both          the conversation and the files\n"
                      "/rewind %ld conversation  the conversation only\n"
                      "/rewind %ld files         the files only",
                      wish->back, wish->back, wish->back);
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
    char commands[3][40];
    struct tui_choice choices[3];
    for (size_t i = 0; i < 3; i++) {
        const char *what = what_names[WHAT_BOTH + i];
        snprintf(commands[i], sizeof commands[i], "/rewind %ld %s", wish->back, what);
        choices[i] = (struct tui_choice){words[i], commands[i]};
    }
    tui_pick(screen->tui, "Back with (Esc leaves)", choices, 3);
}

/* What was done goes to `shown`, safe to be shown. */
static bool take_files(struct screen *screen, const char *id, int64_t place, struct str *shown)
{
    struct rewind rewind = rewind_to(screen, id, place);
    struct undo_tally tally;
    struct str report;
    struct err err = {0};
    if (screen->app.undo == NULL) {
        screen_notice(screen, true, "There is no undo here (undo.megabytes).");
        return false;
    }
    str_init(&report);
    bool ok = rewind_files(&rewind, &tally, &report, &err);
    visible_append(shown, report.data, report.length, VISIBLE_TEXT);
    if (ok && tally.turns == 0 && report.length == 0) {
        str_append(shown, "No file is to be taken back.");
    }
    if (!ok) {
        screen_notice(screen, true, "%s", err.text);
    }
    str_finish(&report);
    return ok;
}

static void shorten(struct screen *screen, const char *id, int64_t place)
{
    struct err err;
    char branch[37];
    struct str words;
    char *said = mem_strdup(agent_conversation(screen->app.agent)->messages[place].text);
    str_init(&words);
    if (store_conversation_rewind(screen->app.store, id, place, branch, &err)) {
        str_append_format(&words, "What came after is kept as %s.", branch);
        screen_conversation_switch(screen, id, words.data);
        tui_set_draft(screen->tui, said);
    } else {
        screen_notice(screen, true, "%s", err.text);
    }
    str_finish(&words);
    mem_free(said);
}

/* The files first, because the message that they are counted from goes; what is said of them last,
 * below what is left of the conversation. */
static void go_back(struct screen *screen, const char *id, const struct wish *wish, int64_t place)
{
    struct str report;
    str_init(&report);
    bool ok = wish->what == WHAT_CONVERSATION || take_files(screen, id, place, &report);
    if (ok && wish->what != WHAT_FILES) {
        shorten(screen, id, place);
    }
    if (report.length > 0) {
        tui_add_notice(screen->tui, report.data, false);
    }
    str_finish(&report);
}

void screen_rewind(struct screen *screen, const char *words)
{
    struct wish wish;
    struct undo_tally tally;
    struct err err;
    char id[37]; /* outlives the agent that is replaced */
    if (screen_conversation_id(screen) == NULL) {
        return;
    }
    snprintf(id, sizeof id, "%s", agent_conversation_id(screen->app.agent));
    bool understood = read_wish(words, &wish);
    int64_t place = understood ? place_of(agent_conversation(screen->app.agent), wish.back) : -1;
    if (place < 0) {
        screen_notice(screen, true,
                      "/rewind N goes back N of your messages, 1 when not said; with both, "
                      "conversation or files. /rewind list numbers them.");
    } else if (agent_busy(screen->app.agent)) {
        screen_notice(screen, true, "something still runs; Esc stops it");
    } else if (wish.what == WHAT_LIST) {
        list(screen, id);
    } else if (wish.what == WHAT_MENU) {
        menu(screen, id);
    } else if (wish.what != WHAT_ASK) {
        go_back(screen, id, &wish, place);
    } else if (!count(screen, id, place, &tally, &err)) {
        screen_notice(screen, true, "%s", err.text);
    } else if (tally.turns > 0) {
        offer(screen, &wish, &tally);
    } else {
        wish.what = WHAT_CONVERSATION;
        go_back(screen, id, &wish, place);
    }
}
