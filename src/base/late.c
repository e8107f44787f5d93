#include "late.h"

#include <string.h>

#include <dlfcn.h>

#include "err.h"

static bool load(struct late_library *library, struct err *err)
{
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return err_set(err, ERR_UNAVAILABLE, "a library that this needs cannot be loaded: %s",
                       dlerror());
    }
    for (size_t i = 0; i < library->count; i++) {
        void *address = dlsym(handle, library->symbols[i].name);
        if (address == NULL) {
            err_set(err, ERR_UNAVAILABLE, "%s is too old: it has no %s", library->file,
                    library->symbols[i].name);
            dlclose(handle);
            return false;
        }
        /* Copied as bytes: C knows no conversion from an object's address to a function's. */
        memcpy(library->symbols[i].address, &address, sizeof address);
    }
    return true; /* the handle stays open for good */
}

bool late_load(struct late_library *library, struct err *err)
{
    pthread_mutex_lock(&library->lock);
    library->loaded = library->loaded || load(library, err);
    bool loaded = library->loaded;
    pthread_mutex_unlock(&library->lock);
    return loaded;
}
