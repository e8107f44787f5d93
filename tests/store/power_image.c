#include "power_image.h"

#include <errno.h>
#include <string.h>

#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"

#include "support.h"

enum { SECTOR = 512 };

struct content {
    unsigned char *bytes;
    size_t size, capacity;
};

struct pending {
    size_t *events; /* by their place in the record */
    size_t count, capacity;
};

struct power_image {
    const struct power_record *record;
    bool lying;
    size_t at;
    struct content durable[POWER_FILES];
    struct pending writes[POWER_FILES];
    struct pending names; /* births and deaths */
    bool there[POWER_FILES];
};

static void add(struct pending *pending, size_t event)
{
    vec_room(&pending->events, &pending->capacity, pending->count + 1, sizeof *pending->events);
    pending->events[pending->count++] = event;
}

static void resize(struct content *content, size_t size, unsigned char filling)
{
    vec_room(&content->bytes, &content->capacity, size + 1, 1);
    if (size > content->size) {
        memset(content->bytes + content->size, filling, size - content->size);
    }
    content->size = size;
}

static void put(struct content *content, const struct power_event *event, size_t from, size_t to)
{
    size_t begin = (size_t)event->offset + from, end = (size_t)event->offset + to;
    if (end > content->size) {
        resize(content, end, 0);
    }
    memcpy(content->bytes + begin, event->bytes + from, end - begin);
}

static void apply(struct content *content, const struct power_event *event)
{
    if (event->kind == POWER_TRUNCATE) {
        resize(content, (size_t)event->offset, 0);
    } else {
        put(content, event, 0, event->length);
    }
}

struct power_image *power_image_create(const struct power_record *record, bool lying)
{
    struct power_image *image = mem_zero(1, sizeof *image);
    image->record = record;
    image->lying = lying;
    return image;
}

void power_image_destroy(struct power_image *image)
{
    for (int i = 0; i < POWER_FILES; i++) {
        mem_free(image->durable[i].bytes);
        mem_free(image->writes[i].events);
    }
    mem_free(image->names.events);
    mem_free(image);
}

static void settle_names(bool *there, const struct power_image *image, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct power_event *event = &image->record->events[image->names.events[i]];
        there[event->file] = event->kind == POWER_CREATE;
    }
}

static void step(struct power_image *image, size_t number)
{
    const struct power_event *event = &image->record->events[number];
    struct pending *writes = &image->writes[event->file];
    switch (event->kind) {
    case POWER_CREATE:
    case POWER_DELETE:
        add(&image->names, number);
        break;
    case POWER_WRITE:
    case POWER_TRUNCATE:
        add(writes, number);
        break;
    case POWER_SYNC:
        for (size_t i = 0; i < writes->count && !image->lying; i++) {
            apply(&image->durable[event->file], &image->record->events[writes->events[i]]);
        }
        writes->count = image->lying ? writes->count : 0;
        break;
    case POWER_SYNC_FOLDER:
        settle_names(image->there, image, image->names.count);
        image->names.count = 0;
        break;
    }
}

void power_image_advance(struct power_image *image, size_t events)
{
    while (image->at < events) {
        step(image, image->at++);
    }
}

bool power_image_is_unsettled(const struct power_image *image)
{
    bool unsettled = image->names.count > 0;
    for (int i = 0; i < image->record->file_count; i++) {
        unsettled = unsettled || image->writes[i].count > 0;
    }
    return unsettled;
}

static size_t below(uint64_t *random, size_t limit)
{
    return (size_t)(support_random(random) >> 33) % limit;
}

/* Each piece of 512 bytes of the disk by itself. */
static void apply_pieces(struct content *content, const struct power_event *event, uint64_t *random)
{
    for (size_t from = 0, to; from < event->length; from = to) {
        size_t inside = ((size_t)event->offset + from) % SECTOR;
        to = from + SECTOR - inside;
        to = to < event->length ? to : event->length;
        if (below(random, 2) == 0) {
            put(content, event, from, to);
        }
    }
}

static void lose(struct content *content, const struct power_image *image, int file,
                 enum power_loss loss, uint64_t *random)
{
    const struct pending *writes = &image->writes[file];
    const struct power_event *events = image->record->events;
    size_t count = writes->count;
    size_t torn = count > 0 ? below(random, count) : 0;
    size_t grown = content->size;
    for (size_t i = 0; i < count; i++) {
        const struct power_event *event = &events[writes->events[i]];
        size_t end = event->kind == POWER_WRITE ? (size_t)event->offset + event->length : 0;
        grown = end > grown ? end : grown;
    }
    if (loss == POWER_GARBAGE) {
        resize(content, grown, (unsigned char)(1 + below(random, 255)));
    }
    for (size_t i = 0; i < count; i++) {
        const struct power_event *event = &events[writes->events[i]];
        bool whole = loss == POWER_KEPT || (loss == POWER_TORN && i < torn) ||
                     (loss == POWER_LAST_ONLY && i + 1 == count);
        bool pieces = loss == POWER_REORDERED || loss == POWER_GARBAGE;
        if (whole || (pieces && event->kind == POWER_TRUNCATE && below(random, 2) == 0)) {
            apply(content, event);
        } else if (pieces && event->kind == POWER_WRITE) {
            apply_pieces(content, event, random);
        } else if (loss == POWER_TORN && i == torn && event->kind == POWER_WRITE) {
            size_t first = SECTOR - (size_t)event->offset % SECTOR;
            size_t cut = first + SECTOR * below(random, event->length / SECTOR + 1);
            put(content, event, 0, cut < event->length ? cut : event->length);
        }
    }
}

static size_t names_kept(const struct power_image *image, enum power_loss loss, uint64_t *random)
{
    switch (loss) {
    case POWER_DROPPED:
        return 0;
    case POWER_KEPT:
        return image->names.count;
    default:
        return below(random, image->names.count + 1);
    }
}

void power_image_write(const struct power_image *image, enum power_loss loss, uint64_t *random,
                       const char *folder)
{
    bool there[POWER_FILES];
    memcpy(there, image->there, sizeof there);
    settle_names(there, image, names_kept(image, loss, random));
    for (int i = 0; i < image->record->file_count; i++) {
        char *path = support_path(folder, image->record->names[i]);
        support_require(unlink(path) == 0 || errno == ENOENT, path, strerror(errno));
        mem_free(path);
    }
    for (int i = 0; i < image->record->file_count; i++) {
        if (!there[i]) {
            continue;
        }
        struct content content = {0};
        resize(&content, image->durable[i].size, 0);
        if (content.size > 0) {
            memcpy(content.bytes, image->durable[i].bytes, content.size);
        }
        lose(&content, image, i, loss, random);
        char *path = support_path(folder, image->record->names[i]);
        support_write_file(path, content.bytes, content.size);
        mem_free(path);
        mem_free(content.bytes);
    }
}
