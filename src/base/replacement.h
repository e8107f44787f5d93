/* replacement: one exact piece of a text, found once, exchanged for another.
 *
 * What edit_file does, and what the question before it shows. Bytes are compared exactly, with one
 * concession: people and models write "\n", so in a text that holds "\r\n" a "\n" of the old text
 * stands for either, and each line of the new text ends as the one that it replaces. The same for
 * write_file, which exchanges the whole: what a model is not shown, its text cannot hold.
 *
 * Plain functions of their texts; memory is checked.
 */
#ifndef CARAT_BASE_REPLACEMENT_H
#define CARAT_BASE_REPLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPLACEMENT_LINES = 8, REPLACEMENT_PLACES = 1000 };

struct replacement_text {
    const char *bytes;
    size_t length;
};

/* Where the old text occurs. Only where it does so once is it a replacement. */
struct replacement {
    size_t count; /* overlapping ones too ("aa" is ambiguous in "aaa"), up to REPLACEMENT_PLACES */
    size_t start, length;            /* of the first one, in the content */
    size_t lines[REPLACEMENT_LINES]; /* the numbers of the lines in which the first few begin */
};

/* How often `part`, which is not empty, occurs side by side. */
size_t replacement_count(struct replacement_text text, const char *part);
/* The old text is not empty. False without memory. */
bool replacement_find(struct replacement_text content, struct replacement_text old_text,
                      struct replacement *found);
/* What comes in the place of what was found, to be given to mem_free; NULL without memory. */
char *replacement_make(struct replacement_text content, const struct replacement *found,
                       struct replacement_text new_text, size_t *length);

/* What of a text is not shown to who reads it. */
struct replacement_form {
    uint64_t ends, two_ends; /* "\n"; those of them that are "\r\n" */
    bool mark;               /* a byte order mark begins it */
};
bool replacement_has_mark(struct replacement_text text);
struct replacement_form replacement_form_of(struct replacement_text text);
/* Every line of it ends in "\r\n". */
bool replacement_all_two(const struct replacement_form *form);
/* A text in the place of one of this form: it keeps the mark, and "\r\n" where all lines ended so
 * and it has no '\r' of its own. To be given to mem_free; NULL without memory. */
char *replacement_whole(const struct replacement_form *form, struct replacement_text new_text,
                        size_t *length);

#endif
