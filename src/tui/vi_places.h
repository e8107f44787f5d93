/* vi_places: where vi's motions lead and what its text objects hold, in the editor's text. Nothing
 * here moves or changes anything. Places are between characters, in bytes. Pure.
 */
#ifndef CARAT_TUI_VI_PLACES_H
#define CARAT_TUI_VI_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct editor;

size_t vi_places_next(const struct editor *editor, size_t at);
size_t vi_places_previous(const struct editor *editor, size_t at);
size_t vi_places_line_start(const struct editor *editor, size_t at);
size_t vi_places_line_end(const struct editor *editor, size_t at);

/* Where a motion leads once; false: the key is none. */
bool vi_places_motion(const struct editor *editor, uint32_t key, size_t at, size_t *to);
/* f F t T: the next such character of the line, or the place beside it; false: there is none.
 * `again`: t and T do not stay where they are. */
bool vi_places_find(const struct editor *editor, uint32_t kind, uint32_t wanted, bool again,
                    size_t at, size_t *to);
/* Words, quotes and brackets; `all` is `a` (with the blanks behind a word, or the quotes), else
 * `i`. False: there is none around the place. */
bool vi_places_object(const struct editor *editor, bool all, uint32_t key, size_t at, size_t *from,
                      size_t *to);

#endif
