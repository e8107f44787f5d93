/* kernels_table: which sets this build has, and the choice between them. */
#include "compute/kernels.h"

#include <string.h>

#include "base/err.h"

/* Best first; scalar runs everywhere. */
static const struct kernels *const sets[] = {
#if defined(__x86_64__)
    &kernels_amx,    &kernels_avx512, &kernels_avx2,
#endif
#if defined(__aarch64__)
    &kernels_neon,
#endif
    &kernels_scalar,
};

enum { SET_COUNT = sizeof sets / sizeof sets[0] };

const struct kernels *kernels_at(size_t index)
{
    return index < SET_COUNT ? sets[index] : NULL;
}

const struct kernels *kernels_choose(const char *name, struct err *err)
{
    for (size_t i = 0; i < SET_COUNT; i++) {
        if (name == NULL ? sets[i]->supported() : strcmp(sets[i]->name, name) == 0) {
            if (!sets[i]->supported()) {
                err_set(err, ERR_UNSUPPORTED, "this machine cannot run the kernels \"%s\"", name);
                return NULL;
            }
            return sets[i];
        }
    }
    err_set(err, ERR_ARGUMENT, "there are no kernels \"%s\" in this build", name);
    return NULL;
}
