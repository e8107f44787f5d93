/* rows: what the files with the tables' rows share. Private to src/store. */
#ifndef CARAT_STORE_ROWS_H
#define CARAT_STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "store.h"

struct store {
    struct db *db;
    int64_t opening;    /* our row in openings; 0 = none (the disk was full) */
    uint64_t last_uuid; /* uuid.h's memory */
};

/* The row of a conversation by its full id; ERR_NOT_FOUND. conversation_rows.c */
bool conversation_rows_key(struct db *db, const char *id, int64_t *key, struct err *err);

#endif
