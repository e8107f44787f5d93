/* sandbox_protected: what other programs start code from in a workspace, to be mounted read-only.
 *
 * A protected name is safe only when it cannot be moved aside: a mount pins its own name, not the
 * folders above. So every folder between the workspace and a protected name is mounted onto itself,
 * which makes renaming it fail with EBUSY. What is in the workspace is looked at folder by folder,
 * those that lie higher first, down to three below it, and four for repositories, because each call
 * pays for the search. Where there are more folders than that may cost, those that are there
 * longest are looked at as well: a command that makes thousands hides nothing that was there before
 * them.
 *
 * What is left out: names that do not exist yet, and a name that is a link, in whose place another
 * can be put: only what it leads to is fixed.
 */
#include "sandbox_protected.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include "sandbox_pins.h"
#include "sandbox_repository.h"

enum { DEEPEST = 4, MOST_FOLDERS = 20000, ALWAYS_TAKEN = 16 };

/* Of the workspace and the folders in it. */
static const char *const names[] = {
    ".carat",        ".vscode",   ".idea",         ".envrc",      ".mcp.json", ".bashrc",
    ".bash_profile", ".profile",  ".bash_aliases", ".bash_login", ".zshrc",    ".zshenv",
    ".zprofile",     ".zlogin",   ".gitconfig",    ".claude",     ".cursor",   ".codex",
    ".gemini",       ".windsurf", ".bash_logout",  ".zlogout"};

/* A folder that is to be looked at. */
struct place {
    char *path;
    size_t order; /* among its siblings */
    int depth;    /* below the root */
    int64_t born; /* when it, or the youngest of those above, was made; 0 = not asked */
};

struct places {
    struct place *items;
    size_t count, capacity;
};

/* Takes the path. */
static void push(struct places *places, struct place place)
{
    vec_room(&places->items, &places->capacity, places->count + 1, sizeof *places->items);
    places->items[places->count++] = place;
}

static bool is_name(const char *name)
{
    bool known = false;
    for (size_t i = 0; name[0] == '.' && i < sizeof names / sizeof names[0]; i++) {
        known = known || strcmp(name, names[i]) == 0;
    }
    return known;
}

/* A name from which code is started, and what it leads to. */
static void protect_name(struct sandbox_protected *found, const char *path)
{
    char resolved[PATH_MAX];
    if (sandbox_pins_resolve(found, path, resolved)) {
        sandbox_pins_fix(found, resolved);
    }
}

/* Looks at one folder, and calls for those in it. */
static void look_at(struct sandbox_protected *found, const struct place *place,
                    void (*child)(void *context, struct place place), void *context)
{
    if (found->refused) {
        return;
    }
    struct str inner;
    size_t order = 0;
    bool at_home = strcmp(place->path, found->home) == 0;
    sandbox_repository_look_for(found, place->path);
    DIR *folder = place->depth < DEEPEST ? sandbox_pins_open(found, place->path) : NULL;
    str_init(&inner);
    for (struct dirent *entry; (entry = sandbox_pins_read(found, folder, place->path)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0 ||
            (at_home && name[0] == '.')) {
            continue;
        }
        str_clear(&inner);
        str_append_format(&inner, "%s/%s", strcmp(place->path, "/") == 0 ? "" : place->path, name);
        if (is_name(name)) {
            protect_name(found, inner.data);
        } else if (entry->d_type == DT_DIR || (entry->d_type == DT_UNKNOWN &&
                                               sandbox_pins_kind(found, inner.data) == S_IFDIR)) {
            child(context, (struct place){.path = inner.data,
                                          .order = order,
                                          .depth = place->depth + 1,
                                          .born = place->born});
            order++;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    str_finish(&inner);
}

/* --- those that lie higher first --- */

/* Those that are named first in their folders come first, so that one which holds many hides no
 * other. */
static int by_order(const void *one, const void *other)
{
    const struct place *a = one, *b = other;
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

struct level {
    struct places next;
    bool cut;
};

static void push_to_level(void *context, struct place place)
{
    struct level *level = context;
    if (place.order < ALWAYS_TAKEN || level->next.count < MOST_FOLDERS) {
        place.path = mem_strdup(place.path);
        push(&level->next, place);
    } else {
        level->cut = true;
    }
}

/* False when there are more than are looked at. */
static bool search_by_level(struct sandbox_protected *found, const char *root)
{
    struct places places = {0};
    struct level level = {0};
    int left = MOST_FOLDERS;
    push(&places, (struct place){.path = mem_strdup(root)});
    while (places.count > 0) {
        level.next = (struct places){0};
        qsort(places.items, places.count, sizeof *places.items, by_order);
        for (size_t i = 0; i < places.count; i++) {
            level.cut = level.cut || left == 0;
            if (left > 0) {
                left--;
                look_at(found, &places.items[i], push_to_level, &level);
            }
            mem_free(places.items[i].path);
        }
        mem_free(places.items);
        places = level.next;
    }
    return !level.cut;
}

/* --- those that are there longest first --- */

/* When a folder was made, which no command can change, in nanoseconds. Where the file system does
 * not know, when it was last changed. */
static int64_t born(const char *path)
{
    struct statx status;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_CTIME, &status) != 0) {
        return INT64_MAX;
    }
    struct statx_timestamp time =
        (status.stx_mask & STATX_BTIME) != 0 ? status.stx_btime : status.stx_ctime;
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static bool is_older(const struct place *one, const struct place *other)
{
    if (one->born != other->born) {
        return one->born < other->born;
    }
    return one->depth != other->depth ? one->depth < other->depth : one->order < other->order;
}

static int by_age(const void *one, const void *other)
{
    return is_older(one, other) ? -1 : is_older(other, one) ? 1 : 0;
}

/* A heap: each is older than the two behind it, at twice its index. */
static void push_by_age(void *context, struct place place)
{
    struct places *heap = context;
    int64_t own = born(place.path);
    place.path = mem_strdup(place.path);
    place.born = own > place.born ? own : place.born;
    if (heap->count == 2 * MOST_FOLDERS) { /* of which the younger half would never be reached */
        qsort(heap->items, heap->count, sizeof *heap->items, by_age);
        while (heap->count > MOST_FOLDERS) {
            mem_free(heap->items[--heap->count].path);
        }
    }
    push(heap, place);
    for (size_t at = heap->count - 1; at > 0 && is_older(&place, &heap->items[(at - 1) / 2]);
         at = (at - 1) / 2) {
        heap->items[at] = heap->items[(at - 1) / 2];
        heap->items[(at - 1) / 2] = place;
    }
}

static struct place pop_oldest(struct places *heap)
{
    struct place oldest = heap->items[0], last = heap->items[--heap->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < heap->count) {
        child += child + 1 < heap->count && is_older(&heap->items[child + 1], &heap->items[child]);
        if (!is_older(&heap->items[child], &last)) {
            break;
        }
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = last;
    return oldest;
}

static void search_by_age(struct sandbox_protected *found, const char *root)
{
    struct places heap = {0};
    push(&heap, (struct place){.path = mem_strdup(root)});
    for (int left = MOST_FOLDERS; left > 0 && heap.count > 0; left--) {
        struct place place = pop_oldest(&heap);
        look_at(found, &place, push_by_age, &heap);
        mem_free(place.path);
    }
    for (size_t i = 0; i < heap.count; i++) {
        mem_free(heap.items[i].path);
    }
    mem_free(heap.items);
}

/* --- all of it --- */

/* A folder within a repository is git's as well. */
static void look_above(struct sandbox_protected *found, const char *root)
{
    char *above = mem_strdup(root), *slash;
    while ((slash = strrchr(above, '/')) != NULL && above[1] != '\0') {
        slash[slash == above ? 1 : 0] = '\0';
        sandbox_repository_look_for(found, above);
    }
    mem_free(above);
}

bool sandbox_protected_find(struct sandbox_protected *found, const struct policy *policy,
                            const char *home, struct err *err)
{
    *found = (struct sandbox_protected){.home = home};
    sandbox_pins_add(&found->roots, policy->workspace);
    for (size_t i = 0; i < policy->writable.count; i++) {
        sandbox_pins_add(&found->roots, policy->writable.items[i]);
    }
    sandbox_pins_sort(&found->roots);
    for (size_t i = 0; i < found->roots.count; i++) {
        look_above(found, found->roots.items[i]);
        if (!search_by_level(found, found->roots.items[i])) {
            found->limited = true;
            search_by_age(found, found->roots.items[i]);
        }
    }
    sandbox_pins_sort(&found->pinned);
    sandbox_pins_sort(&found->fixed);
    if (found->refused) {
        sandbox_protected_finish(found);
        return err_set(err, found->why.code, "%s", found->why.text);
    }
    return true;
}

bool sandbox_protected_pin(struct sandbox_protected *found, const char *path, bool itself,
                           struct err *err)
{
    sandbox_pins_pin_above(found, path);
    if (itself) {
        sandbox_pins_pin(found, path);
    }
    sandbox_pins_sort(&found->pinned);
    return !found->refused || err_set(err, found->why.code, "%s", found->why.text);
}

void sandbox_protected_finish(struct sandbox_protected *found)
{
    policy_list_finish(&found->roots);
    policy_list_finish(&found->pinned);
    policy_list_finish(&found->fixed);
    policy_list_finish(&found->repositories);
    policy_list_finish(&found->looked_at);
}
