/* sandbox_mounts: a table of mounts is read line by line, and a path is followed through it as the
 * kernel would: from the root over each mount that lies on the way.
 */
#include "sandbox_mounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

struct mount {
    int id, parent;
    unsigned major, minor;
    char *root, *point; /* the folder of its file system that is seen; where it is seen */
    bool read_only;
    bool in_memory;     /* a tmpfs */
    bool control_group; /* whose root is told as the reader's namespace sees it */
};

struct table {
    struct mount *items;
    size_t count, capacity;
    size_t root; /* the one at "/" whose parent is out of sight; `count`: none */
};

/* What a path leads to: a place in a file system. */
struct place {
    const struct mount *mount; /* NULL: nothing is mounted there or above */
    const char *rest;          /* of the path, behind the mount's point */
};

/* --- reading --- */

static bool is_octal(char c, char most)
{
    return c >= '0' && c <= most;
}

/* The next field of a line, its \040 and the like made characters again. NULL at the end. */
static char *read_field(const char **at)
{
    struct str field;
    *at += strspn(*at, " ");
    if (**at == '\0' || **at == '\n') {
        return NULL;
    }
    str_init(&field);
    for (; **at != '\0' && **at != ' ' && **at != '\n'; (*at)++) {
        bool escaped = (*at)[0] == '\\' && is_octal((*at)[1], '3') && is_octal((*at)[2], '7') &&
                       is_octal((*at)[3], '7');
        int code = escaped ? ((*at)[1] - '0') * 64 + ((*at)[2] - '0') * 8 + (*at)[3] - '0' : **at;
        str_append_char(&field, (char)code);
        *at += escaped ? 3 : 0;
    }
    return str_take(&field);
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": man 5 proc. */
static bool read_line(const char *at, struct mount *mount)
{
    unsigned long numbers[4]; /* the mount, its parent, major:minor */
    *mount = (struct mount){0};
    for (size_t i = 0; i < 4; i++) {
        char *end; /* (sscanf would go through all of the text) */
        numbers[i] = strtoul(at, &end, 10);
        if (end == at || *end != (i == 2 ? ':' : ' ')) {
            return false;
        }
        at = end + 1;
    }
    mount->id = (int)numbers[0];
    mount->parent = (int)numbers[1];
    mount->major = (unsigned)numbers[2];
    mount->minor = (unsigned)numbers[3];
    mount->root = read_field(&at);
    mount->point = read_field(&at);
    char *options = read_field(&at), *field = options;
    mount->read_only =
        options != NULL && (str_starts_with(options, "ro,") || strcmp(options, "ro") == 0);
    while (field != NULL && strcmp(field, "-") != 0) {
        char *next = read_field(&at);
        mem_free(field);
        field = next;
    }
    char *type = field != NULL ? read_field(&at) : NULL;
    mount->in_memory = type != NULL && strcmp(type, "tmpfs") == 0;
    mount->control_group = type != NULL && str_starts_with(type, "cgroup");
    bool whole = mount->root != NULL && mount->point != NULL && type != NULL;
    if (whole && str_starts_with(type, "nfs")) { /* calls every root "/", and says it here */
        mem_free(mount->root);
        mount->root = read_field(&at);
        whole = mount->root != NULL;
    }
    mem_free(field);
    mem_free(type);
    if (!whole) {
        mem_free(mount->root);
        mem_free(mount->point);
    }
    return whole;
}

static size_t find_root(const struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        bool is_root = strcmp(table->items[i].point, "/") == 0;
        for (size_t k = 0; is_root && k < table->count; k++) {
            is_root = k == i || table->items[k].id != table->items[i].parent;
        }
        if (is_root) {
            return i;
        }
    }
    return table->count;
}

static void table_finish(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        mem_free(table->items[i].root);
        mem_free(table->items[i].point);
    }
    mem_free(table->items);
}

static bool table_read(struct table *table, const char *text)
{
    *table = (struct table){0};
    while (*text != '\0') {
        struct mount mount;
        if (!read_line(text, &mount)) {
            return false;
        }
        vec_room(&table->items, &table->capacity, table->count + 1, sizeof *table->items);
        table->items[table->count++] = mount;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    table->root = find_root(table);
    return table->count > 0;
}

/* --- following a path --- */

/* What of `path` lies behind `point`; NULL when it does not lie there. "" for the point itself. */
static const char *behind(const char *path, const char *point)
{
    size_t length = strcmp(point, "/") == 0 ? 0 : strlen(point);
    bool inside =
        strncmp(path, point, length) == 0 && (path[length] == '/' || path[length] == '\0');
    return inside ? path + length : NULL;
}

/* Of the mounts that lie on `above`, the first that the path meets. */
static const struct mount *next_on_way(const struct table *table, const struct mount *above,
                                       const char *path)
{
    const struct mount *next = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct mount *mount = &table->items[i];
        if (mount != above && mount->parent == above->id && behind(path, mount->point) != NULL &&
            (next == NULL || strlen(mount->point) < strlen(next->point))) {
            next = mount;
        }
    }
    return next;
}

static struct place follow(const struct table *table, const char *path)
{
    struct place place = {table->root < table->count ? &table->items[table->root] : NULL, ""};
    size_t steps = 0;
    for (const struct mount *next = place.mount; next != NULL && steps <= table->count; steps++) {
        place.mount = next;
        next = next_on_way(table, next, path);
    }
    place.rest = place.mount != NULL ? behind(path, place.mount->point) : NULL;
    return place;
}

static void append_place(struct str *out, const struct place *place)
{
    size_t length = strlen(place->mount->root);
    bool ends = length > 0 && place->mount->root[length - 1] == '/'; /* "/", or a server's */
    str_append_bytes(out, place->mount->root, ends ? length - 1 : length);
    str_append(out, place->rest);
}

/* Whether both are the same place of the same file system. */
static bool same_place(const struct place *one, const struct place *other)
{
    if (one->mount == NULL || other->mount == NULL || one->rest == NULL || other->rest == NULL ||
        one->mount->major != other->mount->major || one->mount->minor != other->mount->minor) {
        return false;
    }
    struct str left, right;
    str_init(&left);
    str_init(&right);
    append_place(&left, one);
    append_place(&right, other);
    bool same = strcmp(left.data, right.data) == 0;
    str_finish(&left);
    str_finish(&right);
    return same;
}

/* --- comparing --- */

void sandbox_mounts_expect(struct str *list, enum sandbox_mount mount, const char *path)
{
    str_append_char(list, (char)mount);
    str_append_bytes(list, path, strlen(path) + 1);
}

/* The list's next item behind this one; NULL at the end. */
static const char *next_item(const char *item, const char *end)
{
    item += strlen(item) + 1;
    return item < end ? item : NULL;
}

/* What is asked for later may lie over it, or over a folder above. */
static bool is_covered(const char *item, const char *end)
{
    for (const char *later = next_item(item, end); later != NULL; later = next_item(later, end)) {
        if (behind(item + 1, later + 1) != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_as_asked(const struct table *host, const struct table *inside, const char *item)
{
    const char *path = item + 1;
    struct place there = follow(host, path), here = follow(inside, path);
    bool is_point = here.mount != NULL && strcmp(here.mount->point, path) == 0;
    struct place nothing;
    switch (item[0]) {
    case SANDBOX_MOUNT_SAME:
        return is_point && same_place(&there, &here);
    case SANDBOX_MOUNT_FIXED:
        return is_point && here.mount->read_only && same_place(&there, &here);
    case SANDBOX_MOUNT_OPTIONAL:
        return !is_point || (here.mount->read_only && same_place(&there, &here));
    case SANDBOX_MOUNT_EMPTY:
        return is_point && here.mount->in_memory && strcmp(here.mount->root, "/") == 0;
    case SANDBOX_MOUNT_NOTHING:
        nothing = follow(host, "/dev/null");
        return is_point && same_place(&nothing, &here);
    default:
        return item[0] == SANDBOX_MOUNT_OWN && is_point;
    }
}

/* Of the list, the item whose place holds the path most closely. */
static const char *find_holder(const char *list, const char *end, const char *path)
{
    const char *holder = NULL;
    for (const char *item = list; item != NULL && item < end; item = next_item(item, end)) {
        bool closer = holder == NULL || strlen(item) >= strlen(holder);
        holder = behind(path, item + 1) != NULL && closer ? item : holder;
    }
    return holder;
}

/* A mount of the list, one in /dev or /proc, one that another covers, or one of the host's: where
 * it may be written, only beneath what is mounted so, or where bubblewrap could not make it
 * read-only because it is not ours to look into. */
static bool was_asked_for(const struct table *host, const struct table *inside,
                          const struct mount *mount, const char *list, const char *end)
{
    const char *holder = find_holder(list, end, mount->point);
    if (holder == NULL) {
        return false;
    }
    if (strcmp(holder + 1, mount->point) == 0 || holder[0] == SANDBOX_MOUNT_OWN ||
        follow(inside, mount->point).mount != mount) {
        return true;
    }
    struct place there = follow(host, mount->point), here = {mount, ""};
    bool same = same_place(&there, &here) ||
                (mount->control_group && there.mount != NULL && there.mount->control_group);
    bool is_hosts = there.rest != NULL && there.rest[0] == '\0';
    return same && (mount->read_only || holder[0] == SANDBOX_MOUNT_SAME ||
                    (holder[0] == SANDBOX_MOUNT_FIXED && is_hosts));
}

bool sandbox_mounts_check(const char *host_text, const char *inside_text, const char *list,
                          size_t length, struct err *err)
{
    struct table host, inside;
    const char *end = list + length, *wrong = NULL;
    bool read = table_read(&host, host_text);
    bool ok = table_read(&inside, inside_text) && read && length > 0 && end[-1] == '\0';
    for (const char *item = list; ok && wrong == NULL && item != NULL;
         item = next_item(item, end)) {
        wrong = is_covered(item, end) || is_as_asked(&host, &inside, item) ? NULL : item + 1;
    }
    for (size_t i = 0; ok && wrong == NULL && i < inside.count; i++) {
        bool asked = was_asked_for(&host, &inside, &inside.items[i], list, end);
        wrong = asked ? NULL : inside.items[i].point;
    }
    if (!ok) {
        err_set(err, ERR_UNAVAILABLE, "mounts: the list of them cannot be read");
    } else if (wrong != NULL) {
        ok = err_set(err, ERR_UNAVAILABLE,
                     "mounts: %s is not what it was a moment ago (does a job that still runs move "
                     "it?)",
                     wrong);
    }
    table_finish(&host);
    table_finish(&inside);
    return ok;
}
