/* command_undo: words to one of undo's three functions, and its answer through the gate for foreign
 * bytes: names and contents of files are not ours. */
#include "command/command_undo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/notice.h"
#include "base/err.h"
#include "base/str.h"
#include "base/visible.h"
#include "undo/undo.h"

/* "" is 0: the last turn. */
static bool read_turn(const char *text, unsigned *turn, struct err *err)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] != '\0' &&
        (text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0 || number > 999999)) {
        return err_set(err, ERR_ARGUMENT, "\"%.40s\" is no turn; undo --list shows them", text);
    }
    *turn = (unsigned)number;
    return true;
}

bool command_undo_words(struct undo *undo, const char *words, struct str *out, struct err *err)
{
    struct str text;
    unsigned turn = 0;
    bool list = strcmp(words, "list") == 0, diff = strncmp(words, "diff", 4) == 0;
    const char *rest = diff ? words + 4 + strspn(words + 4, " ") : list ? "" : words;
    if (!read_turn(rest, &turn, err)) {
        return false;
    }
    str_init(&text);
    bool ok = list   ? undo_list(undo, &text, err)
              : diff ? undo_show(undo, turn, &text, err)
                     : undo_take_back(undo, turn, &text, err);
    if (ok && list && text.length == 0) {
        str_append(&text, "No turn changed a file here.\n");
    }
    visible_append(out, text.data, text.length, VISIBLE_TEXT);
    str_finish(&text);
    return ok;
}

enum exit_code command_undo(struct config *config)
{
    struct app app;
    struct err err = {0};
    struct str words, out;
    bool list = config_boolean(config, OPTION_UNDO_LIST);
    bool diff = config_boolean(config, OPTION_UNDO_DIFF);
    if (config->words.count > 2 || (list && (diff || config->words.count == 2))) {
        fprintf(stderr, "carat: say carat undo [TURN], carat undo --diff [TURN], or carat undo "
                        "--list\n");
        return EXIT_CODE_USAGE;
    }
    if (!app_open_undo(&app, config, &err)) {
        notice_print(err.text);
        return app.exit_code;
    }
    str_init(&words);
    str_init(&out);
    str_append(&words, list ? "list" : diff ? "diff " : "");
    str_append(&words, config->words.count == 2 ? config->words.items[1] : "");
    bool ok = command_undo_words(app.undo, words.data, &out, &err);
    fputs(out.data, stdout);
    if (!ok) {
        notice_print(err.text);
    }
    str_finish(&words);
    str_finish(&out);
    app_close(&app);
    return ok                          ? EXIT_CODE_OK
           : err.code == ERR_NOT_FOUND ? EXIT_CODE_BAD_INPUT
           : err.code == ERR_ARGUMENT  ? EXIT_CODE_USAGE
                                       : EXIT_CODE_FAILURE;
}
