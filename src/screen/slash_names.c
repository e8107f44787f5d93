#include "screen/slash_names.h"

#include <string.h>

#include "base/str.h"

const struct slash_name slash_names[] = {
    {"bye", "quit", NULL},
    {"branch", "fork", NULL},
    {"switch", "load", NULL},
    {"chats", "sessions", NULL},
    {"history", "sessions", NULL},
    {"list", "sessions", NULL},
    {"save", "export", NULL},
    {"restore", "undo", NULL},
    {"diff", "undo diff", NULL},
    {"plan", "mode read-only", NULL},
    {"approvals", "permissions", NULL},
    {"allowed-tools", "permissions", NULL},
    {"settings", "config", NULL},
    {"cost", "context", NULL},
    {"usage", "context", NULL},
    {"stats", "context", NULL},
    {"tokens", "context", NULL},
    {"tasks", "jobs", NULL},
    {"bashes", "jobs", NULL},
    {"bg", "background", NULL},
    {"compress", "compact", NULL},
    {"summarize", "compact", NULL},
    {"models", "model", NULL},
    {"vi", "vim", NULL},
    {"screenshot", "shot", NULL},
    {"policy", NULL, "In a shell: carat policy why \"shell(git push)\". /permissions lists rules."},
    {"doctor", NULL, "In a shell: carat doctor."},
    {"bench", NULL, "In a shell: carat bench."},
    {"import", NULL, "In a shell: carat import FILE, FOLDER, codex, claude or llm."},
    {"archive", NULL, "In a shell: carat archive ID, and carat restore ID. /status shows the id."},
    {"delete", NULL, "In a shell: carat delete ID, into the trash. /trash lists it."},
    {"hooks", NULL, "They are [[hooks]] in config.toml; carat config example shows one."},
    {"kv", NULL, "What was read is kept by itself; agent.snapshot_mib says how much of it."},
    {"agents", NULL, "There are no agents but this one."},
    {"feedback", NULL, "Nothing is sent anywhere. /export FILE keeps what happened."},
    {"bug", NULL, "Nothing is sent anywhere. /export FILE keeps what happened."},
    {"login", NULL, "There is nothing to log in to: the model runs here."},
    {"logout", NULL, "There is nothing to log out from: the model runs here."},
};
const size_t slash_name_count = sizeof slash_names / sizeof slash_names[0];

const struct slash_name *slash_names_find(const char *name, size_t length)
{
    for (size_t i = 0; i < slash_name_count; i++) {
        if (strlen(slash_names[i].name) == length &&
            memcmp(slash_names[i].name, name, length) == 0) {
            return &slash_names[i];
        }
    }
    return NULL;
}

void slash_names_append_help(struct str *out)
{
    const char *between = "";
    for (size_t i = 0; i < slash_name_count; i++) {
        if (slash_names[i].command != NULL) {
            str_append_format(out, "%s/%s = /%s", between, slash_names[i].name,
                              slash_names[i].command);
            between = ", ";
        }
    }
}
