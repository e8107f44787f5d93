/* theme: what each kind of text looks like: a table, and what other themes change in it.
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
    THEME_KEYWORD,
    THEME_STRING,
    THEME_NUMBER,
    THEME_COMMENT,
    THEME_ADDED,
    THEME_REMOVED,
    THEME_ADDED_WORD, /* what differs in a line that stands for another */
    THEME_REMOVED_WORD,
    THEME_ROLES
};

/* In place of a role: two of the 256 colours, which every theme shows as they are. */
enum { THEME_PIXELS = 0x10000 };
static inline enum theme_role theme_pixels(unsigned foreground, unsigned background)
{
    return (enum theme_role)(THEME_PIXELS | foreground << 8 | background);
}

/* In place of a role: a cell of a picture's graphics. With kitty's protocol `number` is the colour
 * that names the picture, for all of its cells; in sixels it tells each cell from all others. */
enum { THEME_KITTY = 0x20000, THEME_SIXEL = 0x40000000 };
static inline enum theme_role theme_kitty(unsigned number)
{
    return (enum theme_role)(THEME_KITTY | number);
}
static inline enum theme_role theme_sixel(unsigned number)
{
    return (enum theme_role)(THEME_SIXEL | number);
}

struct theme;

/* By name; NULL: there is none of that name. The first is "colour". */
const struct theme *theme_find(const char *name);
struct terminal_look theme_look(const struct theme *theme, enum theme_role role);

#endif
