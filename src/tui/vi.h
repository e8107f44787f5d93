/* vi: the keys of vi over the editor, for who asks for them (tui.vi).
 *
 * Two modes: while inserting, all keys are the usual ones and Esc leads to the normal mode; there
 * letters move and change. Motions h l w b e 0 ^ $ and G, j and k as Down and Up, changes x X s r D
 * C p P u ~ and d c y with a motion or doubled, i a I A o O back to inserting, counts before all of
 * them. Marks, registers, searches and visual mode are left out: the external editor has them.
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
    uint32_t pending; /* d, c, y or r that waits for what follows; 0 = none */
    unsigned count;   /* typed so far; 0 = none */
};

/* True when the key is used up. A key that only has another name here (j, k) is changed and left to
 * the caller. */
bool vi_key(struct vi *vi, struct editor *editor, struct terminal_key *key);

#endif
