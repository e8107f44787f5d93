/* Opening, in this order, so that a file that is not ours, too new or damaged is left as it is:
 * look at whose it is; look it through when its last user crashed; only then write to it (journal
 * mode, schema, our row in openings).
 */
#include "store.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#include "opening_rows.h"
#include "rows.h"
#include "schema.h"

static bool open_rows(struct store *store, struct err *err)
{
    struct err failure;
    if (opening_rows_enter(store, &failure)) {
        return true;
    }
    if (failure.code != ERR_FULL) {
        if (err != NULL) {
            *err = failure;
        }
        return false;
    }
    /* With a full disk the conversations can still be read. */
    log_write("store", "opening: %s", failure.text);
    return true;
}

static bool prepare(struct store *store, struct err *err)
{
    int version;
    return schema_identify(store->db, schema_steps, schema_step_count, &version, err) &&
           (version == 0 || opening_rows_check(store, err)) && db_start_writing(store->db, err) &&
           schema_migrate(store->db, schema_steps, schema_step_count, err) && open_rows(store, err);
}

struct store *store_open(const char *path, struct err *err)
{
    struct db *db = db_open(path, err);
    if (db == NULL) {
        err_prefix(err, "opening the store");
        return NULL;
    }
    struct store *store = mem_zero(1, sizeof *store);
    store->db = db;
    if (!prepare(store, err)) {
        err_prefix(err, "opening the store");
        db_close(store->db);
        mem_free(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    opening_rows_leave(store);
    db_close(store->db);
    mem_free(store);
}

bool store_unchecked(const struct store *store)
{
    return store->unchecked;
}

const char *store_warning(const struct store *store)
{
    return db_reserve_used(store->db) ? "the disk is full: what was said last is kept in the room "
                                        "of carat's reserve; free "
                                        "some space before going on"
                                      : NULL;
}

bool store_checkpoint(struct store *store, struct err *err)
{
    return db_checkpoint(store->db, err);
}

const char *store_sqlite_version(void)
{
    return sqlite3_libversion();
}
