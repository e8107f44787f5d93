/* vi: the keys of vi over the editor, for who asks for them (tui.vi).
 *
 * Two modes: while inserting, all keys are the usual ones and Esc leads to the normal mode; there
 * letters move and change. Motions h l w b e W B E 0 ^ $ gg G f F t T ; and , with j and k as Down
 * and Up; changes x X s S r D C J Y p P u ~ and d c y with a motion, a text object (i or a with w W
 * quotes and brackets) or doubled, which takes whole lines; i a I A o O back to inserting; counts.
 * Marks, registers, searches, repeating with . and visual mode are left out: the external editor
 * has them.
 */
#ifndef CARAT_TUI_VI_H
#define CARAT_TUI_VI_H

#include <stdbool.h>
#include <stdint.h>

struct editor;
struct terminal_key;

struct vi {
    bool enabled;
    bool normal;
    uint32_t pending;     /* d, c, y or r that waits for what follows; 0 = none */
    uint32_t prefix;      /* f, F, t, T, g, or i and a behind an operator, that waits; 0 = none */
    unsigned count;       /* typed so far; 0 = none */
    uint32_t find, found; /* the last of f F t T, and its character */
    bool lines;           /* what was cut or copied last are whole lines */
};

/* True when the key is used up. A key that only has another name here (j, k) is changed and left to
 * the caller. */
bool vi_key(struct vi *vi, struct editor *editor, struct terminal_key *key);

#endif
