/* show: records as text for people. Names are spelled out here; contents are foreign bytes, which
 * are to be made visible (base/visible.h) before they reach a terminal. */
#ifndef CARAT_UNDO_SHOW_H
#define CARAT_UNDO_SHOW_H

#include <stdbool.h>

#include "undo/objects.h"
#include "undo/record.h"

struct str;

enum {
    SHOW_TEXT_LIMIT = 1024 * 1024,
    SHOW_LINES = 2000,
    SHOW_LEFT_OUT = 20,
    SHOW_TOTAL = 4 * 1024 * 1024 /* from where on paths are only counted */
};

/* "  7  2026-02-03 10:11   3 paths  make the tests green", and what became of it. */
void show_line(struct str *out, const struct record *record, size_t paths, bool taken_back);
/* A file's name on one line, with what could deceive spelled out. */
void show_name(struct str *out, const char *name);
/* "and 7 more paths WORDS"; nothing for none. */
void show_more(struct str *out, size_t count, const char *words);
/* The part of `path` below `root`; else all of it. A view. */
const char *show_path(const char *path, const char *root);
/* Every change, texts as unified differences; paths as seen from `root`. */
void show_record(struct str *out, const struct record *record, struct objects *objects,
                 const char *root);
/* One line for each path of a taking back: "restored a.c", "removed b"; `refused` more were not. */
void show_applied(struct str *out, const struct record *record, size_t refused, const char *root);
/* What no snapshot holds, at most SHOW_LEFT_OUT lines and how many more. */
void show_left_out(struct str *out, const struct tree *index);

#endif
