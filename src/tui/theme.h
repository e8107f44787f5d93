/* theme: what each kind of text looks like, in one table.
 *
 * Only the sixteen colours of the user's own terminal, so that any background works. No meaning
 * hangs on colour alone: with NO_COLOR the words and the styles still say everything.
 */
#ifndef CARAT_TUI_THEME_H
#define CARAT_TUI_THEME_H

#include "tui/terminal.h"

enum theme_role {
    THEME_TEXT,
    THEME_USER,
    THEME_HEADING,
    THEME_STRONG,
    THEME_EMPHASIS,
    THEME_STRONG_EMPHASIS,
    THEME_CODE,
    THEME_CODE_BLOCK,
    THEME_LINK,
    THEME_FAINT,
    THEME_QUOTE,
    THEME_THOUGHT,
    THEME_CALL,
    THEME_CALL_DONE,
    THEME_OUTPUT,
    THEME_FAILED,
    THEME_NOTICE,
    THEME_RULE,
    THEME_PROMPT,
    THEME_BUSY,
    THEME_SAFE,
    THEME_WARNING,
    THEME_QUESTION,
    THEME_KEY,
    THEME_SELECTED,
    THEME_ROLES
};

struct terminal_look theme_look(enum theme_role role);

#endif
