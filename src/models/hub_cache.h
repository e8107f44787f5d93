/* hub_cache: the models that other programs have fetched into Hugging Face's cache.
 *
 *   HUB/models--OWNER--NAME/refs/main                    the newest revision's name
 *   HUB/models--OWNER--NAME/snapshots/REVISION/FILE      links to the files
 *
 * Only looked at, never written, and no default is taken from it: its models are listed and found
 * by their name. A GGUF file is named OWNER/NAME/FILE, a folder of safetensors OWNER/NAME. Of a
 * repository without refs/main the revision that comes first by its name counts.
 */
#ifndef CARAT_MODELS_HUB_CACHE_H
#define CARAT_MODELS_HUB_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct hub_cache_model {
    char *name, *path;
    uint64_t bytes; /* of the file, or of the folder's safetensors */
};

/* HF_HUB_CACHE, HF_HOME/hub, else the hub's own place in the user's cache. NULL without a home;
 * mem_free. */
char *hub_cache_folder(void);

/* Sorted by name; none when the folder does not exist. `hub` may be NULL. */
void hub_cache_list(const char *hub, struct hub_cache_model **models, size_t *count);
void hub_cache_free(struct hub_cache_model *models, size_t count);

/* The path of the model that is named so, or whose file is; NULL when none or several are.
 * mem_free. */
char *hub_cache_find(const char *hub, const char *name);

#endif
