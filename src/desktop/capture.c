/* capture: see capture.h. */
#include "desktop/capture.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/visible.h"
#include "desktop/program.h"

enum {
    AREAS = CAPTURE_REGION + 1,
    WORDS = 10,
    TAKING_MS = 15000,
    CHOOSING_MS = 90000,
    PLACE_MOST = 65535, /* of a screen, either way */
};

/* Words that stand for something: where the file goes, and what the user has chosen, as "X,Y WxH"
 * and as "WxH+X+Y". */
#define FILE_WORD     "%file"
#define CHOICE_WORD   "%choice"
#define GEOMETRY_WORD "%geometry"

struct capture_way {
    enum display_kind kind;
    const char *program, *package;
    const char *chooser; /* a program that asks the user first; NULL = the program does itself */
    const char *chooser_package;
    bool from_corner; /* of the whole screen: one pixel is one step of the pointer, from 0, 0 */
    const char *chooser_words[AREAS][WORDS]; /* none: the chooser's name alone */
    const char *words[AREAS][WORDS];         /* by area; empty = it cannot do that */
};

/* Where the user clicks on a window: a drag of less than this is no region (maim's -t). */
#define ANY_DRAG    "9999999"
#define SLOP_FORMAT "--format=%x,%y %wx%h"

/* A program that is told where to look comes before one that asks by itself: only then it is known
 * where the picture lies, and something in it can be clicked on. */
static const struct capture_way ways[] = {
    {.kind = DISPLAY_WAYLAND,
     .program = "grim",
     .package = "grim",
     .from_corner = true, /* by -s 1: else its pixels are those of the densest screen */
     .words = {[CAPTURE_SCREEN] = {"grim", "-s", "1", "-"}}},
    {.kind = DISPLAY_WAYLAND,
     .program = "grim",
     .package = "grim",
     .chooser = "slurp",
     .chooser_package = "slurp",
     .words = {[CAPTURE_WINDOW] = {"grim", "-g", CHOICE_WORD, "-"},
               [CAPTURE_REGION] = {"grim", "-g", CHOICE_WORD, "-"}}},
    {.kind = DISPLAY_WAYLAND,
     .program = "spectacle",
     .package = "kde-spectacle",
     .words = {[CAPTURE_SCREEN] = {"spectacle", "-b", "-n", "-f", "-o", FILE_WORD},
               [CAPTURE_WINDOW] = {"spectacle", "-b", "-n", "-u", "-o", FILE_WORD},
               [CAPTURE_REGION] = {"spectacle", "-b", "-n", "-r", "-o", FILE_WORD}}},
    {.kind = DISPLAY_WAYLAND,
     .program = "gnome-screenshot",
     .package = "gnome-screenshot",
     .words = {[CAPTURE_SCREEN] = {"gnome-screenshot", "-f", FILE_WORD},
               [CAPTURE_WINDOW] = {"gnome-screenshot", "-w", "-f", FILE_WORD},
               [CAPTURE_REGION] = {"gnome-screenshot", "-a", "-f", FILE_WORD}}},
    {.kind = DISPLAY_X11,
     .program = "maim",
     .package = "maim",
     .chooser = "slop",
     .chooser_package = "slop",
     .chooser_words = {[CAPTURE_WINDOW] = {"slop", "-q", "-t", ANY_DRAG, SLOP_FORMAT},
                       [CAPTURE_REGION] = {"slop", "-q", SLOP_FORMAT}},
     .words = {[CAPTURE_WINDOW] = {"maim", "--hidecursor", "-d", "0.2", "-g", GEOMETRY_WORD},
               [CAPTURE_REGION] = {"maim", "--hidecursor", "-d", "0.2", "-g", GEOMETRY_WORD}}},
    {.kind = DISPLAY_X11,
     .program = "maim",
     .package = "maim",
     .from_corner = true,
     .words = {[CAPTURE_SCREEN] = {"maim", "--hidecursor"},
               [CAPTURE_WINDOW] = {"maim", "--hidecursor", "-s", "-t", ANY_DRAG},
               [CAPTURE_REGION] = {"maim", "--hidecursor", "-s"}}},
    {.kind = DISPLAY_X11,
     .program = "import",
     .package = "imagemagick",
     .from_corner = true,
     .words = {[CAPTURE_SCREEN] = {"import", "-silent", "-window", "root", "png:-"},
               [CAPTURE_WINDOW] = {"import", "-silent", "png:-"},
               [CAPTURE_REGION] = {"import", "-silent", "png:-"}}},
    {.kind = DISPLAY_X11,
     .program = "xwd",
     .package = "x11-apps",
     .from_corner = true,
     .words =
         {[CAPTURE_SCREEN] = {"xwd", "-silent", "-root"}, [CAPTURE_WINDOW] = {"xwd", "-silent"}}},
};

static const char *const area_names[AREAS] = {
    [CAPTURE_SCREEN] = "screen", [CAPTURE_WINDOW] = "window", [CAPTURE_REGION] = "region"};

bool capture_area_parse(const char *word, enum capture_area *area)
{
    if (word[0] == '\0') {
        *area = CAPTURE_SCREEN;
        return true;
    }
    for (int i = 0; i < AREAS; i++) {
        if (strcmp(word, area_names[i]) == 0) {
            *area = (enum capture_area)i;
            return true;
        }
    }
    return false;
}

const char *capture_area_name(enum capture_area area)
{
    return area_names[area];
}

const char *capture_program(const struct capture_way *way)
{
    return way->program;
}

const struct capture_way *capture_choose(enum display_kind kind, enum capture_area area,
                                         capture_found *found, struct err *err)
{
    struct str packages;
    str_init(&packages);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const struct capture_way *way = &ways[i];
        if (way->kind != kind || way->words[area][0] == NULL) {
            continue;
        }
        if (found(way->program) && (way->chooser == NULL || found(way->chooser))) {
            str_finish(&packages);
            return way;
        }
        str_append_format(&packages, "%s%s", packages.length > 0 ? ", or " : "", way->package);
        if (way->chooser != NULL) {
            str_append_format(&packages, " and %s", way->chooser_package);
        }
    }
    if (kind == DISPLAY_NONE) {
        err_set(err, ERR_UNAVAILABLE,
                "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set");
    } else {
        err_set(err, ERR_NOT_FOUND, "no program that takes a picture of the %s: install %s",
                area_names[area], packages.data);
    }
    str_finish(&packages);
    return NULL;
}

static bool is_there(const char *program)
{
    struct str path;
    str_init(&path);
    bool found = program_find(program, &path);
    str_finish(&path);
    return found;
}

bool capture_available(struct err *err)
{
    return capture_choose(display_kind(), CAPTURE_SCREEN, is_there, err) != NULL;
}

void capture_describe(enum capture_area area, struct str *out)
{
    const char *display = getenv(display_kind() == DISPLAY_WAYLAND ? "WAYLAND_DISPLAY" : "DISPLAY");
    const struct capture_way *way = capture_choose(display_kind(), area, is_there, NULL);
    str_append_format(out, "picture of the whole %s", area_names[area]);
    if (display != NULL) {
        str_append(out, " of display ");
        visible_append(out, display, strlen(display), VISIBLE_APPROVAL);
    }
    if (way != NULL) {
        str_append_format(out, ", taken by %s", way->program);
    }
}

bool capture_place_parse(const char *text, struct capture_place *place)
{
    struct capture_place read = {.known = true};
    int used = -1;
    size_t length = strspn(text, "0123456789,-x ");
    bool ends = strcmp(text + length, "") == 0 || strcmp(text + length, "\n") == 0;
    if (!ends || length > 40 ||
        sscanf(text, "%d,%d %dx%d%n", &read.left, &read.top, &read.width, &read.height, &used) !=
            4 ||
        used != (int)length || read.width < 1 || read.height < 1 || read.width > PLACE_MOST ||
        read.height > PLACE_MOST || abs(read.left) > PLACE_MOST || abs(read.top) > PLACE_MOST) {
        return false;
    }
    *place = read;
    return true;
}

/* What the chooser says is read as numbers; nothing else goes on to the next command line. */
static bool choose(const struct capture_way *way, enum capture_area area, const atomic_bool *stop,
                   struct capture_place *place, struct err *err)
{
    const char *alone[] = {way->chooser, NULL};
    const char *words[WORDS + 1] = {NULL};
    struct program_limits limits = {CHOOSING_MS, 256, stop};
    struct str said;
    str_init(&said);
    memcpy(words, way->chooser_words[area], sizeof way->chooser_words[area]);
    bool ok = program_run(words[0] != NULL ? words : alone, &limits, &said, err) &&
              (capture_place_parse(said.data, place) ||
               err_set(err, ERR_FORMAT, "%s gave no region", way->chooser));
    str_finish(&said);
    return ok;
}

/* A folder that is ours alone, for programs that write a file and nothing else. */
static bool make_folder(struct str *folder, struct err *err)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    str_append_format(folder, "%s/carat-shot-XXXXXX",
                      runtime != NULL && runtime[0] == '/' ? runtime : "/tmp");
    return mkdtemp(folder->data) != NULL ||
           err_errno(err, ERR_IO, "making a folder for the picture in %s", folder->data);
}

static bool run(const struct capture_way *way, enum capture_area area,
                const struct capture_place *place, const char *path, const atomic_bool *stop,
                struct str *out, struct err *err)
{
    const char *words[WORDS + 1] = {NULL};
    char choice[64], geometry[64];
    snprintf(choice, sizeof choice, "%d,%d %dx%d", place->left, place->top, place->width,
             place->height);
    snprintf(geometry, sizeof geometry, "%dx%d%+d%+d", place->width, place->height, place->left,
             place->top);
    for (int i = 0; i < WORDS && way->words[area][i] != NULL; i++) {
        const char *word = way->words[area][i];
        words[i] = strcmp(word, FILE_WORD) == 0       ? path
                   : strcmp(word, CHOICE_WORD) == 0   ? choice
                   : strcmp(word, GEOMETRY_WORD) == 0 ? geometry
                                                      : word;
    }
    bool asks = area != CAPTURE_SCREEN && way->chooser == NULL;
    struct program_limits limits = {asks ? CHOOSING_MS : TAKING_MS, CAPTURE_BYTES_MAX, stop};
    return program_run(words, &limits, out, err);
}

static bool needs_file(const struct capture_way *way, enum capture_area area)
{
    for (int i = 0; i < WORDS && way->words[area][i] != NULL; i++) {
        if (strcmp(way->words[area][i], FILE_WORD) == 0) {
            return true;
        }
    }
    return false;
}

static bool take_by_file(const struct capture_way *way, enum capture_area area,
                         const atomic_bool *stop, struct str *file, struct err *err)
{
    const struct capture_place unknown = {0};
    struct str folder, path, said;
    str_init(&folder);
    str_init(&path);
    str_init(&said);
    bool ok = make_folder(&folder, err);
    if (ok) {
        str_append_format(&path, "%s/shot.png", folder.data);
        ok = run(way, area, &unknown, path.data, stop, &said, err) &&
             file_read(path.data, CAPTURE_BYTES_MAX, file, err);
        unlink(path.data);
        rmdir(folder.data);
    }
    str_finish(&folder);
    str_finish(&path);
    str_finish(&said);
    return ok;
}

bool capture_take(enum capture_area area, const atomic_bool *stop, struct str *file,
                  struct capture_place *place, struct err *err)
{
    const struct capture_way *way = capture_choose(display_kind(), area, is_there, err);
    struct capture_place found = {0};
    if (way == NULL) {
        return false;
    }
    if (needs_file(way, area)) {
        bool taken = take_by_file(way, area, stop, file, err);
        *place = taken ? found : *place;
        return taken;
    }
    bool ok = (way->chooser == NULL || choose(way, area, stop, &found, err)) &&
              run(way, area, &found, "", stop, file, err);
    if (ok && file->length == 0) {
        ok = err_set(err, ERR_UNAVAILABLE, "%s gave no picture", way->program);
    }
    if (ok) {
        found.known = found.known || (area == CAPTURE_SCREEN && way->from_corner);
        *place = found;
    }
    return ok;
}
