/* capture: a picture of the screen, taken by the desktop's own program.
 *
 * A table says which programs can do it on which kind of display, in which order they are tried,
 * and which package brings each. The portals of the desktop are no way of ours: their answer is a
 * signal to the connection that asked, which no program for the command line waits for. Blocks; for
 * a thread that may.
 */
#ifndef CARAT_DESKTOP_CAPTURE_H
#define CARAT_DESKTOP_CAPTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "desktop/display.h"

struct err;
struct str;

enum capture_area {
    CAPTURE_SCREEN, /* all of it */
    CAPTURE_WINDOW, /* one that the user clicks on */
    CAPTURE_REGION, /* one that the user draws */
};
enum { CAPTURE_BYTES_MAX = 64 * 1024 * 1024 };

/* "screen", "window", "region"; "" is the screen. False for other words. */
bool capture_area_parse(const char *word, enum capture_area *area);
const char *capture_area_name(enum capture_area area);

/* Where a picture lies on the screen, in the units in which the pointer moves. */
struct capture_place {
    bool known;        /* false: the program did not say, and the rest is 0 */
    int left, top;     /* of its upper left corner */
    int width, height; /* 0: as many units as the picture has pixels */
};

/* What a chooser says: "X,Y WxH" and a newline. False, and nothing written, for anything else. */
bool capture_place_parse(const char *text, struct capture_place *place);

struct capture_way;
/* The first way whose programs are all found; NULL when there is none, and then *err names what to
 * install. `found` says whether a program is there (program_find). */
typedef bool capture_found(const char *program);
const struct capture_way *capture_choose(enum display_kind kind, enum capture_area area,
                                         capture_found *found, struct err *err);
/* The program that the user is told of. */
const char *capture_program(const struct capture_way *way);

/* Whether a picture of the screen can be taken here; else *err (may be NULL) says why not. */
bool capture_available(struct err *err);

/* Appends what would be taken, and by which program, for a person. */
void capture_describe(enum capture_area area, struct str *out);

/* Appends the bytes of a PNG file, foreign ones: only a decoder may look into them. `stop` (may be
 * NULL) ends it. */
bool capture_take(enum capture_area area, const atomic_bool *stop, struct str *file,
                  struct capture_place *place, struct err *err);

#endif
