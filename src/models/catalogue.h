/* catalogue: which models carat knows, where their files live, and which one to use.
 *
 * A const table; what it says of a model is what a user would have to find out alone: how large a
 * context to open, how many soft tokens an image gets, how to sample. Files are looked for in two
 * folders, the user's own first, then the one installed with carat. Nothing is opened or changed:
 * whether a file is a model is the engine's word.
 */
#ifndef CARAT_MODELS_CATALOGUE_H
#define CARAT_MODELS_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct catalogue_entry {
    const char *name;        /* what the user types */
    const char *file;        /* the whole file name, or with `any_quantisation` its beginning */
    const char *mmproj;      /* the same for the file with the vision and audio towers */
    bool any_quantisation;   /* published in many formats: FILE-Q4_0.gguf, FILE-Q8_0.gguf, ... */
    const char *description; /* half a sentence for lists */
    const char *repository;  /* of the host that models come from; NULL = came with carat */
    uint64_t bytes;          /* size of the file; 0 = depends on its format */
    const char *sha256;      /* of the file, in hexadecimal; "" = unknown */
    bool has_sampling;       /* how this model wants to be sampled; else as its file says */
    float temperature;
    int top_k;
    float top_p;
    int context;      /* tokens to open by default */
    bool kv_f32;      /* keep keys and values in 32 bits */
    int image_budget; /* soft tokens for an image at most */
};

extern const struct catalogue_entry catalogue_entries[];
extern const size_t catalogue_count;

/* By name, upper or lower case; NULL when there is none. */
const struct catalogue_entry *catalogue_entry_named(const char *name);
/* The entry that a file belongs to, by its name (folders are cut off); NULL when none. */
const struct catalogue_entry *catalogue_entry_of_file(const char *path);

/* Finds the file of a model. `wanted` is a name of the catalogue, a path, or the name of a file in
 * one of the folders; NULL takes the only model there is besides nano, else nano. Either folder may
 * be NULL. *path: mem_free; *entry: NULL for a file that is not in the catalogue.
 *
 * ERR_NOT_FOUND says what was looked for, where, and how to get one; ERR_ARGUMENT names the files
 * when a name stands for several. A name of the catalogue is never looked for in the current
 * folder: what lies in a workspace must not pass for a model. */
bool catalogue_find(const char *wanted, const char *models_folder, const char *installed_folder,
                    char **path, const struct catalogue_entry **entry, struct err *err);

/* The towers that go with a model file, in the same folder: the entry's, or for other models
 * "mmproj-" and the model's own file name. NULL when there are none: text only. mem_free. */
char *catalogue_mmproj(const char *model_path, const struct catalogue_entry *entry);

#endif
