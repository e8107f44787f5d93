/* late: libraries that are loaded when they are needed, not when the program starts.
 *
 * A library with thirty others behind it costs every start some milliseconds and megabytes, also
 * where nobody needs it. Such a one is not linked: a file of ours defines the few functions that
 * are called, under their own names, and passes each call on to the library once it is loaded.
 * Callers include the library's own header and see no difference but one: load it first.
 */
#ifndef CARAT_BASE_LATE_H
#define CARAT_BASE_LATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

struct late_symbol {
    const char *name;
    void *address; /* of the pointer to be filled */
};

struct late_library {
    const char *file; /* "libcurl.so.4": the name that the linker would have written */
    const struct late_symbol *symbols;
    size_t count;
    pthread_mutex_t lock;
    bool loaded;
};

/* Loads it for the rest of the run, once. False where it is missing or lacks a symbol; then it may
 * be tried again. Any thread. */
bool late_load(struct late_library *library, struct err *err);

#endif
