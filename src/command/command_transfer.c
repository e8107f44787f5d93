#include "command/command_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/notice.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/export.h"
#include "chat/import.h"
#include "chat/messages_json.h"
#include "command/command_sessions.h"
#include "command/import_places.h"
#include "store/store.h"

enum { LINE_LIMIT = 64 * 1024 * 1024 };

static enum exit_code complain(struct app *app, const struct err *err)
{
    notice_print(err->text);
    app_close(app);
    return err->code == ERR_IO ? EXIT_CODE_FAILURE : EXIT_CODE_BAD_INPUT;
}

/* --- export --- */

static bool export_json(struct str *out, const struct store_conversation *about,
                        const struct chat_conversation *conversation, struct err *err)
{
    json_t *whole =
        json_pack("{ss ss ss ss sI sI so}", "id", about->id, "title", about->title, "workspace",
                  about->workspace, "model", about->model, "created_ms",
                  (json_int_t)about->created_ms, "updated_ms", (json_int_t)about->updated_ms,
                  "messages", chat_messages_to_json(conversation->messages, conversation->count));
    char *text = whole != NULL ? json_dumps(whole, JSON_INDENT(2)) : NULL;
    json_decref(whole);
    if (text == NULL) {
        return err_set(err, ERR_FORMAT, "conversation %s holds what JSON cannot", about->id);
    }
    str_append(out, text);
    str_append(out, "\n");
    free(text);
    return true;
}

struct stored_files {
    struct store *store;
    const char *conversation;
};

static bool read_stored(void *context, const char *handle, char **bytes, size_t *length)
{
    const struct stored_files *files = context;
    return store_result_get(files->store, files->conversation, handle, bytes, length, NULL);
}

bool command_transfer_export(struct store *store, const struct store_conversation *conversation,
                             const char *form, struct str *out, struct err *err)
{
    struct chat_conversation messages;
    const char *title = conversation->title[0] != '\0' ? conversation->title : conversation->id;
    chat_conversation_init(&messages);
    bool ok = store_messages_load(store, conversation->id, &messages, NULL, err);
    if (ok && strcmp(form, "json") == 0) {
        ok = export_json(out, conversation, &messages, err);
    } else if (ok && strcmp(form, "html") == 0) {
        struct stored_files stored = {store, conversation->id};
        const struct chat_export_files files = {read_stored, &stored};
        chat_export_html(out, title, &messages, &files);
    } else if (ok) {
        chat_export_markdown(out, title, &messages);
    }
    chat_conversation_finish(&messages);
    return ok;
}

const char *command_transfer_form(const char *path)
{
    static const char *const forms[][2] = {{".json", "json"}, {".html", "html"}, {".htm", "html"}};
    for (size_t i = 0; path != NULL && i < sizeof forms / sizeof forms[0]; i++) {
        if (str_ends_with(path, forms[i][0])) {
            return forms[i][1];
        }
    }
    return "md";
}

enum exit_code command_export(struct config *config)
{
    struct app app;
    struct err err;
    struct store_conversation found;
    struct str text;
    const char *form = config_string(config, OPTION_EXPORT_FORMAT);
    const char *path = config_string(config, OPTION_OUTPUT_FILE);
    enum exit_code code;
    if (!command_sessions_open(&app, config, &found, &code)) {
        return code;
    }
    str_init(&text);
    bool ok = command_transfer_export(
        app.store, &found, form != NULL ? form : command_transfer_form(path), &text, &err);
    store_conversation_finish(&found);
    if (ok && path != NULL) {
        ok = file_write_named(path, ".", text.data, text.length, &err);
    } else if (ok && (!notice_text(text.data, text.length) || fflush(stdout) != 0)) {
        ok = err_errno(&err, ERR_IO, "standard output");
    }
    str_finish(&text);
    if (!ok) {
        return complain(&app, &err);
    }
    app_close(&app);
    return EXIT_CODE_OK;
}

/* --- import --- */

struct importing {
    struct app *app;
    char workspace[4096]; /* of conversations that do not tell theirs */
    bool searched; /* the file was found in a folder, where one without a word is no mistake */
    bool failed;
    size_t made, there;
};

static bool keep(void *context, const struct store_birth *birth,
                 const struct chat_conversation *messages, struct err *err)
{
    struct importing *importing = context;
    struct store_birth own = *birth;
    char id[37];
    if (own.workspace[0] != '/') {
        own.workspace = importing->workspace;
    }
    if (store_conversation_import(importing->app->store, &own, messages, id, err)) {
        printf("%s\n", id);
        importing->made++;
        return true;
    }
    if (err->code == ERR_ARGUMENT) { /* here already */
        importing->there++;
        return true;
    }
    return false;
}

static bool read_lines(FILE *file, const char *path, struct chat_import *import, struct err *err)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool ok = true;
    for (size_t number = 1; ok && (length = getline(&line, &capacity, file)) > 0; number++) {
        ok = (length <= LINE_LIMIT || err_set(err, ERR_LIMIT, "more than %d bytes", LINE_LIMIT)) &&
             chat_import_line(import, line, (size_t)length, err);
        if (!ok && number > 1 && line[length - 1] != '\n' && err->code == ERR_FORMAT) {
            notice_format("%s: line %zu is cut off and was left out", path, number);
            ok = true; /* its writer was killed, or still writes */
        } else if (!ok) {
            err_prefix(err, "%s: line %zu", path, number);
        }
    }
    if (ok && ferror(file)) {
        ok = err_errno(err, ERR_IO, "reading %s", path);
    }
    free(line);
    return ok;
}

static bool import_lines(struct importing *importing, FILE *file, const char *path, struct err *err)
{
    struct chat_import import;
    chat_import_init(&import);
    bool ok = read_lines(file, path, &import, err);
    bool empty = ok && !chat_import_end(&import, err);
    if (empty) {
        ok = importing->searched || err_prefix(err, "%s", path);
    } else if (ok) {
        struct store_birth birth = {.workspace = import.workspace.data,
                                    .model = import.model.data,
                                    .title = import.title.data,
                                    .origin = import.origin.data,
                                    .created_ms = import.first_ms,
                                    .updated_ms = import.last_ms};
        ok = keep(importing, &birth, &import.conversation, err);
    }
    if (ok && import.left_out > 0) {
        notice_format("%s: %zu results of calls that are not in it were left out", path,
                      import.left_out);
    }
    if (ok && import.taken_back > 0) {
        notice_format("%s: %zu messages that were gone back from were left out", path,
                      import.taken_back);
    }
    chat_import_finish(&import);
    return ok;
}

static bool import_database(struct importing *importing, const char *path, struct err *err)
{
    int64_t left_out;
    bool ok = store_llm_read(path, keep, importing, &left_out, err);
    if (ok && left_out > 0) {
        notice_format("%s: %lld attachments, fragments, calls of tools and results were left out",
                      path, (long long)left_out);
    }
    return ok;
}

static bool import_file(struct importing *importing, const char *path, struct err *err)
{
    char head[16] = "";
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return err_errno(err, ERR_NOT_FOUND, "opening %s", path);
    }
    size_t got = fread(head, 1, sizeof head, file);
    bool database = got == sizeof head && memcmp(head, "SQLite format 3", sizeof head) == 0;
    rewind(file);
    bool ok =
        database ? import_database(importing, path, err) : import_lines(importing, file, path, err);
    fclose(file);
    return ok;
}

/* What cannot be read does not keep the others out. */
static void import_word(struct importing *importing, const char *word)
{
    struct config_list files = {0};
    struct err err;
    if (!import_places_find(word, &files, &err)) {
        notice_print(err.text);
        importing->failed = true;
    }
    for (size_t i = 0; i < files.count; i++) {
        importing->searched = strcmp(files.items[i], word) != 0;
        if (!import_file(importing, files.items[i], &err)) {
            notice_print(err.text);
            importing->failed = true;
        }
    }
    config_list_finish(&files);
}

enum exit_code command_import(struct config *config)
{
    struct app app;
    struct err err;
    if (config->words.count < 2) {
        fprintf(stderr, "carat: say carat import FILE ..., FOLDER, codex, claude or llm\n");
        return EXIT_CODE_USAGE;
    }
    if (!app_open_store(&app, config, &err)) {
        notice_print(err.text);
        return app.exit_code;
    }
    struct importing importing = {.app = &app};
    if (getcwd(importing.workspace, sizeof importing.workspace) == NULL) {
        err_errno(&err, ERR_IO, "the current directory");
        return complain(&app, &err);
    }
    for (size_t i = 1; i < config->words.count; i++) {
        import_word(&importing, config->words.items[i]);
    }
    fprintf(stderr, "carat: %zu imported, %zu were here already\n", importing.made,
            importing.there);
    app_close(&app);
    return importing.failed ? EXIT_CODE_BAD_INPUT : EXIT_CODE_OK;
}
