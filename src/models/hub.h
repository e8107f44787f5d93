/* hub: what a repository of models holds, on hosts that speak as Hugging Face does.
 *
 *   HOST/api/models/OWNER/NAME/tree/main      the listing, JSON
 *   HOST/OWNER/NAME/resolve/main/FILE         a file
 *
 * Everything that a server says is checked: a file's name is one plain word that ends in .gguf. */
#ifndef CARAT_MODELS_HUB_H
#define CARAT_MODELS_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct hub_file {
    char *name; /* in the repository, folders included */
    uint64_t bytes;
    char sha256[65]; /* "" = the listing has none */
};

/* GGUF files only, in the listing's order. *files: hub_files_free. ERR_NOT_FOUND: no such
 * repository, or none in it. */
bool hub_list(const char *host, const char *repository, const char *key, struct hub_file **files,
              size_t *count, struct err *err);
/* The listing alone, as the server wrote it. */
bool hub_read_listing(const char *text, size_t length, struct hub_file **files, size_t *count,
                      struct err *err);
void hub_files_free(struct hub_file *files, size_t count);

/* Indices of the files of one model: those with `quantisation` in their name, or by preference
 * Q4_0, Q4_K_M, Q8_0 and whatever there is; all parts of a split one, in order, then the encoders,
 * when there are. chosen[at most HUB_CHOSEN_MAX]. ERR_NOT_FOUND names what there is. */
enum { HUB_CHOSEN_MAX = 64 };
bool hub_choose(const struct hub_file *files, size_t count, const char *quantisation,
                size_t chosen[HUB_CHOSEN_MAX], size_t *chosen_count, struct err *err);

/* The address of a file; mem_free. */
char *hub_url(const char *host, const char *repository, const char *name);

/* The name that a file may have on our disk: the last part of `name`, when it is a plain word
 * (letters, digits, . _ -) that ends in .gguf and does not begin with a dot; else NULL. A view. */
const char *hub_local_name(const char *name);

/* Whether a file holds encoders and not a model. */
bool hub_is_encoders(const char *name);

#endif
