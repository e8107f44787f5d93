/* command_transfer: conversations to documents, and from the files of other agents. */
#ifndef CARAT_COMMAND_COMMAND_TRANSFER_H
#define CARAT_COMMAND_COMMAND_TRANSFER_H

#include <stdbool.h>

#include "app/exit_code.h"
#include "config/config.h"

struct err;
struct store;
struct store_conversation;
struct str;

enum exit_code command_export(struct config *config);
enum exit_code command_import(struct config *config);

/* Appends a conversation in a form, "md", "json" or "html". */
bool command_transfer_export(struct store *store, const struct store_conversation *conversation,
                             const char *form, struct str *out, struct err *err);

/* The form that the end of a file's name tells; "md" for NULL and for other ends. */
const char *command_transfer_form(const char *path);

#endif
