/* import_places: which files `carat import` reads.
 *
 * A file is itself; a folder is all .jsonl files below it, in the order of their names; codex,
 * claude and llm, where nothing of that name exists, are the places where those programs keep their
 * conversations (CODEX_HOME, CLAUDE_CONFIG_DIR, LLM_USER_PATH, or their folders in HOME). Symbolic
 * links inside a folder are not followed.
 */
#ifndef CARAT_COMMAND_IMPORT_PLACES_H
#define CARAT_COMMAND_IMPORT_PLACES_H

#include <stdbool.h>

#include "config/tables.h"

struct err;

/* Adds the files of `word`. A folder without any is an error. */
bool import_places_find(const char *word, struct config_list *files, struct err *err);

#endif
