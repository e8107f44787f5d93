/* app_model: opening a model, whichever it is; the parts of app.h's functions that model_change
 * needs for one that is not app's own yet.
 *
 * A model is named by its `path`: a file or folder, "script:FILE" or "remote:WHAT". Loop thread,
 * where nothing else is said.
 */
#ifndef CARAT_APP_APP_MODEL_H
#define CARAT_APP_APP_MODEL_H

#include <stdbool.h>

#include "app/exit_code.h"
#include "infer/infer.h"

struct app;
struct err;
struct str;
struct uv_async_s;

bool app_model_is_script(const char *path);
bool app_model_is_remote(const char *path);

/* Its name, for people: the catalogue's, else the file's last part; a view. */
const char *app_model_name(const char *path);

/* What -m WANTED means (NULL: the user's choice, or the only one there is). *path: mem_free; *code
 * is left alone on success. */
bool app_model_find(const struct app *app, const char *wanted, char **path, enum exit_code *code,
                    struct err *err);
/* The file with its encoders; mem_free, NULL = there is none. */
char *app_model_encoders(const struct app *app, const char *path);
/* How the configuration wants it to run. Views of path, mmproj and the configuration. */
struct infer_local_options app_model_local(const struct app *app, const char *path,
                                           const char *mmproj);
/* Appends the key of a server; nothing when it has none. Waits for the command that prints it,
 * which gets no terminal when `apart`. Any thread. */
bool app_model_key(const struct app *app, const char *path, bool apart, struct str *key,
                   struct err *err);
/* The address of a server; NULL: unset, or no server. mem_free. */
char *app_model_address(const struct app *app, const char *path);
/* Its events wake the loop by `woke`. */
struct infer *app_model_open(struct app *app, const char *path, const char *mmproj, const char *key,
                             struct uv_async_s *woke, struct err *err);

#endif
