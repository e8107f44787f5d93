#include "tui/dialog.h"

#include <string.h>

#include "base/mem.h"
#include "base/visible.h"
#include "tui/code.h"
#include "tui/editor.h"
#include "tui/input.h"
#include "tui/surface.h"
#include "tui/terminal.h"

void dialog_init(struct dialog *dialog)
{
    memset(dialog, 0, sizeof *dialog);
    layout_init(&dialog->layout);
    dialog->reason = editor_create();
}

void dialog_close(struct dialog *dialog)
{
    mem_free(dialog->title);
    mem_free(dialog->description);
    mem_free(dialog->rule);
    mem_free(dialog->network);
    dialog->title = dialog->description = dialog->rule = dialog->network = NULL;
    layout_finish(&dialog->layout);
    dialog->active = false;
}

void dialog_finish(struct dialog *dialog)
{
    dialog_close(dialog);
    editor_destroy(dialog->reason);
}

void dialog_open(struct dialog *dialog, const char *title, const char *description)
{
    dialog_close(dialog);
    dialog->title = mem_strdup(title);
    dialog->description = mem_strdup(description);
    dialog->width = 0;
    dialog->first = dialog->rows = 0;
    dialog->asking_reason = dialog->seen_end = dialog->refused = dialog->confirming = false;
    dialog->once = false;
    dialog->active = true;
    editor_reset(dialog->reason);
}

void dialog_only_once(struct dialog *dialog)
{
    dialog->once = true;
}

void dialog_offer_network(struct dialog *dialog, const char *hosts)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s\nwithout network; w and W let it reach: %s", dialog->description,
                      hosts);
    mem_free(dialog->network);
    dialog->network = mem_strdup(hosts);
    mem_free(dialog->description);
    dialog->description = str_take(&text);
    dialog->width = 0;
    dialog->seen_end = false;
}

void dialog_offer_always(struct dialog *dialog, const char *rule)
{
    mem_free(dialog->rule);
    dialog->rule = mem_strdup(rule);
}

/* --- keys --- */

enum choice {
    CHOICE_NONE,
    CHOICE_YES,
    CHOICE_SESSION,
    CHOICE_ALWAYS,
    CHOICE_NETWORK,
    CHOICE_NETWORK_SESSION,
    CHOICE_REASON,
    CHOICE_NO,
    CHOICE_UP,
    CHOICE_DOWN,
    CHOICE_PAGE_UP,
    CHOICE_PAGE_DOWN,
    CHOICE_START,
    CHOICE_END,
};

static const struct {
    uint32_t key;
    enum choice choice;
} choices[] = {
    {'y', CHOICE_YES},
    {'Y', CHOICE_YES},
    {'1', CHOICE_YES},
    {'a', CHOICE_SESSION},
    {'A', CHOICE_SESSION},
    {'2', CHOICE_SESSION},
    {'p', CHOICE_ALWAYS},
    {'P', CHOICE_ALWAYS},
    {'w', CHOICE_NETWORK},
    {'W', CHOICE_NETWORK_SESSION},
    {'n', CHOICE_REASON},
    {'N', CHOICE_REASON},
    {'3', CHOICE_REASON},
    {TERMINAL_KEY_ESCAPE, CHOICE_NO},
    {TERMINAL_KEY_UP, CHOICE_UP},
    {TERMINAL_KEY_DOWN, CHOICE_DOWN},
    {TERMINAL_KEY_PAGE_UP, CHOICE_PAGE_UP},
    {TERMINAL_KEY_PAGE_DOWN, CHOICE_PAGE_DOWN},
    {TERMINAL_KEY_HOME, CHOICE_START},
    {TERMINAL_KEY_TOP, CHOICE_START},
    {TERMINAL_KEY_END, CHOICE_END},
    {TERMINAL_KEY_BOTTOM, CHOICE_END},
};

void dialog_scroll(struct dialog *dialog, long rows)
{
    size_t last = dialog->layout.count > dialog->rows ? dialog->layout.count - dialog->rows : 0;
    if (rows < 0) {
        dialog->first -= dialog->first < (size_t)-rows ? dialog->first : (size_t)-rows;
    } else {
        dialog->first = last - dialog->first < (size_t)rows ? last : dialog->first + (size_t)rows;
    }
}

static enum dialog_answer yes(struct dialog *dialog, enum dialog_answer answer)
{
    if (dialog->seen_end) {
        return answer;
    }
    dialog->refused = true;
    return DIALOG_OPEN;
}

/* The rule stands in the place of the call, in full; it, too, is to be read to its end. */
static void show_rule(struct dialog *dialog, bool shown)
{
    dialog->confirming = shown;
    dialog->seen_end = !shown;
    dialog->refused = false;
    dialog->width = 0; /* to be laid out */
    dialog->first = 0;
}

static enum dialog_answer confirm(struct dialog *dialog, bool agreed)
{
    if (agreed) {
        return yes(dialog, DIALOG_YES_ALWAYS);
    }
    show_rule(dialog, false);
    return DIALOG_OPEN;
}

static enum dialog_answer reason_key(struct dialog *dialog, enum action action,
                                     const struct terminal_key *key)
{
    if (key->code == TERMINAL_KEY_ESCAPE) {
        editor_reset(dialog->reason);
        return DIALOG_NO;
    }
    if (action == ACTION_SUBMIT) {
        return DIALOG_NO;
    }
    input_edit(dialog->reason, action, key);
    return DIALOG_OPEN;
}

enum dialog_answer dialog_key(struct dialog *dialog, enum action action,
                              const struct terminal_key *key)
{
    if (dialog->asking_reason) {
        return reason_key(dialog, action, key);
    }
    enum choice choice = CHOICE_NONE;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (choices[i].key == key->code) {
            choice = choices[i].choice;
        }
    }
    if (dialog->confirming && choice < CHOICE_UP) {
        return confirm(dialog, key->code == 'y' || key->code == 'Y');
    }
    long page = dialog->rows > 1 ? (long)dialog->rows - 1 : 1;
    dialog->refused = false;
    switch (choice) {
    case CHOICE_YES:
        return yes(dialog, DIALOG_YES);
    case CHOICE_SESSION:
        return dialog->once ? DIALOG_OPEN : yes(dialog, DIALOG_YES_SESSION);
    case CHOICE_ALWAYS:
        if (dialog->rule != NULL && yes(dialog, DIALOG_YES_ALWAYS) == DIALOG_YES_ALWAYS) {
            show_rule(dialog, true);
        }
        return DIALOG_OPEN;
    case CHOICE_NETWORK:
    case CHOICE_NETWORK_SESSION:
        return dialog->network == NULL    ? DIALOG_OPEN
               : choice == CHOICE_NETWORK ? yes(dialog, DIALOG_YES_NETWORK)
                                          : yes(dialog, DIALOG_YES_NETWORK_SESSION);
    case CHOICE_REASON:
        if (dialog->once) {
            return DIALOG_NO; /* nobody is told why */
        }
        dialog->asking_reason = true;
        return DIALOG_OPEN;
    case CHOICE_NO:
        return DIALOG_NO;
    case CHOICE_UP:
    case CHOICE_DOWN:
        dialog_scroll(dialog, choice == CHOICE_UP ? -1 : 1);
        return DIALOG_OPEN;
    case CHOICE_PAGE_UP:
    case CHOICE_PAGE_DOWN:
        dialog_scroll(dialog, choice == CHOICE_PAGE_UP ? -page : page);
        return DIALOG_OPEN;
    case CHOICE_START:
    case CHOICE_END:
        dialog_scroll(dialog, choice == CHOICE_START ? -1000000000L : 1000000000L);
        return DIALOG_OPEN;
    case CHOICE_NONE:
        break;
    }
    return DIALOG_OPEN;
}

/* --- looks --- */

static void end_line(struct layout_writer *writer)
{
    layout_end_line(writer, "  ", "↪ ", THEME_FAINT, WRAP_CELLS);
}

static void lay_out_lines(struct layout_writer *writer, const struct str *text)
{
    for (size_t at = 0; at < text->length;) {
        size_t length = strcspn(text->data + at, "\n");
        layout_add(writer, text->data + at, length, THEME_TEXT);
        end_line(writer);
        at += length + 1;
    }
}

static void lay_out(struct dialog *dialog, int width)
{
    if (dialog->width == width) {
        return;
    }
    struct layout_writer writer;
    struct str clean;
    const char *text = dialog->confirming ? dialog->rule : dialog->description;
    layout_finish(&dialog->layout);
    layout_writer_init(&writer, &dialog->layout, width, 0);
    str_init(&clean);
    for (bool more = true; more;) {
        size_t length = strcspn(text, "\n");
        more = text[length] == '\n' && text[length + 1] != '\0';
        visible_append(&clean, text, length,
                       dialog->confirming ? VISIBLE_COMMAND : VISIBLE_APPROVAL);
        str_append_char(&clean, '\n');
        text += length + 1;
    }
    if (code_is_difference(clean.data, clean.length)) {
        code_layout_difference(&writer, clean.data, clean.length, end_line);
    } else {
        lay_out_lines(&writer, &clean);
    }
    str_finish(&clean);
    layout_writer_finish(&writer);
    dialog->width = width;
    dialog->first = dialog->first < dialog->layout.count ? dialog->first : 0;
}

int dialog_height(struct dialog *dialog, int width)
{
    lay_out(dialog, width);
    size_t rows = dialog->layout.count < 10000 ? dialog->layout.count : 10000;
    return (int)rows + 2; /* the title above, the keys below */
}

static void draw_title(const struct dialog *dialog, struct surface *surface, int row)
{
    int limit = surface_columns(surface);
    surface_fill(surface, row, 0, limit, "─", THEME_QUESTION);
    int column = surface_text(surface, row, 2, limit, " ", THEME_QUESTION);
    column = surface_text(surface, row, column, limit, dialog->title, THEME_QUESTION);
    surface_text(surface, row, column, limit, " ", THEME_QUESTION);
}

static int draw_choice(struct surface *surface, int row, int column, const char *key,
                       const char *text)
{
    int limit = surface_columns(surface);
    column = surface_text(surface, row, column, limit, key, THEME_KEY);
    return surface_text(surface, row, column, limit, text, THEME_TEXT);
}

/* What stands before the choices; the column behind it, -1 where nothing else has a place. */
static int draw_rest(const struct dialog *dialog, struct surface *surface, int row)
{
    int limit = surface_columns(surface);
    size_t below = dialog->layout.count - dialog->first - dialog->rows;
    struct str note;
    if (dialog->refused) {
        surface_text(surface, row, 0, limit, "Read to the end first: PgDn, or End", THEME_WARNING);
        return -1;
    }
    str_init(&note);
    str_append_format(&note, "%zu more below (PgDn)  ", below);
    int column = surface_text(surface, row, 0, limit, below > 0 ? note.data : "", THEME_FAINT);
    str_finish(&note);
    return column;
}

static void draw_choices(const struct dialog *dialog, struct surface *surface, int row)
{
    const char *others = dialog->once ? "  (or 1, 3; Esc = no)" : "  (or 1, 2, 3; Esc = no)";
    int limit = surface_columns(surface), column = draw_rest(dialog, surface, row);
    if (column < 0) {
        return;
    }
    column = draw_choice(surface, row, column, "y", " once  ");
    if (!dialog->once) {
        column = draw_choice(surface, row, column, "a", " this session  ");
    }
    if (dialog->rule != NULL) {
        column = draw_choice(surface, row, column, "p", " always  ");
    }
    if (dialog->network != NULL) {
        column = draw_choice(surface, row, column, "w", " once with network  ");
    }
    column = draw_choice(surface, row, column, "n", " no");
    if (column + (int)strlen(others) <= limit) {
        surface_text(surface, row, column, limit, others, THEME_FAINT);
    }
}

static void draw_confirmation(const struct dialog *dialog, struct surface *surface, int row)
{
    int column = draw_rest(dialog, surface, row);
    if (column >= 0) {
        surface_text(surface, row, column, surface_columns(surface),
                     "Write this rule to your configuration?  y yes, other keys no",
                     THEME_QUESTION);
    }
}

void dialog_draw(struct dialog *dialog, struct surface *surface, int top, int height)
{
    lay_out(dialog, surface_columns(surface));
    if (height < 1) {
        return;
    }
    /* Where there is little room the question's keys come first, then its text, then the title. */
    int title = height >= 3 ? 1 : 0;
    dialog->rows = (size_t)(height - title - 1);
    dialog->rows = dialog->rows < dialog->layout.count ? dialog->rows : dialog->layout.count;
    if (dialog->first > dialog->layout.count - dialog->rows) {
        dialog->first = dialog->layout.count - dialog->rows;
    }
    if (title == 1) {
        draw_title(dialog, surface, top);
    }
    for (size_t i = 0; i < dialog->rows; i++) {
        layout_draw_row(&dialog->layout, dialog->first + i, surface, top + title + (int)i, 0,
                        surface_columns(surface));
    }
    if (dialog->rows > 0 && dialog->first + dialog->rows == dialog->layout.count) {
        dialog->seen_end = true;
    }
    int bottom = top + title + (int)dialog->rows;
    if (dialog->asking_reason) {
        surface_text(surface, bottom, 0, surface_columns(surface),
                     "Why not? (Enter sends, Esc leaves it out)", THEME_QUESTION);
    } else if (dialog->confirming) {
        draw_confirmation(dialog, surface, bottom);
    } else {
        draw_choices(dialog, surface, bottom);
    }
}
