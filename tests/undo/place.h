/* place: a workspace, its snapshots and a folder outside of both, for the tests of undo.
 *
 * The state of a tree is written down by its own walk, which shares no line with the one that is
 * tested: path, kind, permissions, content or target.
 */
#ifndef CARAT_TEST_UNDO_PLACE_H
#define CARAT_TEST_UNDO_PLACE_H

#include <stdbool.h>

#include "base/str.h"
#include "undo/undo.h"

enum { FILE_LIMIT = 256 * 1024, TOTAL_LIMIT = 64 * 1024 * 1024 };

struct place {
    char base[64];
    char work[80], state[80], outside[80];
    struct undo *undo;
};

/* A command of the shell that must succeed. */
void run(const char *folder, const char *command);
struct undo *open_undo(const struct place *place);

/* Of every test. */
int set_up(void **state);
int tear_down(void **state);
/* Root reads everything. The saved user brings it back in tear_down. */
void become_nobody(const struct place *place);

void begin_turn(struct place *place);
struct undo_summary end_turn(struct place *place);
/* The report; mem_free. take_back: it must be done; take_nothing_back: nothing of it must be. */
char *take_back(struct place *place, unsigned turn);
char *take_nothing_back(struct place *place, unsigned turn);
/* What was said, also when nothing could be done. */
char *try_take_back(struct place *place, unsigned turn, bool *ok);

struct str state_of(const struct place *place);
void check_state(const struct place *place, const struct str *expected);
void check_outside(const struct place *place);

#endif
