/* model_choice: which models could go on with the conversation, and which of them a word means.
 *
 * The models of the user's folder and of the installed one, the servers of the configuration, and
 * the model that carat was started with, wherever it lies.
 */
#ifndef CARAT_APP_MODEL_CHOICE_H
#define CARAT_APP_MODEL_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;
struct err;
struct str;

struct model_choice {
    char *word; /* a file's name or path, remote:NAME */
    char *path; /* what it stands for (app_model.h): no file of the workspace has this name */
    char *name; /* shorter, and maybe of several: the catalogue's, or a server's */
    char *note; /* where it is, or where it came from; may be "" */
    uint64_t bytes;
    bool runs;
};

struct model_choices {
    struct model_choice *items;
    size_t count, capacity;
};

void model_choices_read(struct model_choices *out, const struct app *app);
void model_choices_finish(struct model_choices *choices);

/* A choice as a line of a list. */
void model_choice_append(struct str *out, const struct model_choice *choice);

/* What a word means, for app_model_find: the path of the choice that has this word or name, or of
 * the only one that begins so, else the word itself (a path, say). A view of either. ERR_ARGUMENT
 * names the choices when several begin so. Pure. */
bool model_choices_match(const struct model_choices *choices, const char *word, const char **meant,
                         struct err *err);

#endif
