/* power_image: what a disk may hold after the power was lost at one moment of a record.
 *
 * The model: what was synced stays, byte for byte. Of what was written to a file since, each 512
 * bytes may have arrived or not, in any order, and the file may have grown without its bytes.
 * Births and deaths of files are lost from the last one backwards, up to the folder's last sync.
 */
#ifndef CARAT_TESTS_STORE_POWER_IMAGE_H
#define CARAT_TESTS_STORE_POWER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "power_record.h"

enum power_loss {
    POWER_DROPPED,   /* nothing that was not synced arrived */
    POWER_KEPT,      /* everything did */
    POWER_TORN,      /* the first so many did, the last of them in part */
    POWER_REORDERED, /* any of them did, in pieces of 512 bytes */
    POWER_GARBAGE,   /* the same, and what a file has grown by holds what lay there before */
    POWER_LAST_ONLY, /* only the last */
    POWER_LOSSES
};

struct power_image;

/* At the beginning of the record. `lying`: the disk answers that it has synced and does nothing,
 * a control that must lose something. */
struct power_image *power_image_create(const struct power_record *record, bool lying);
void power_image_destroy(struct power_image *image);

/* Goes on to the moment after the first `events` events; never back. */
void power_image_advance(struct power_image *image, size_t events);
/* Whether anything is under way now, without which all losses look alike. */
bool power_image_is_unsettled(const struct power_image *image);
/* Writes the files of such a loss into the folder, and removes there all others of the record. */
void power_image_write(const struct power_image *image, enum power_loss loss, uint64_t *random,
                       const char *folder);

#endif
