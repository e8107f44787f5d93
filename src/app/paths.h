/* paths: where carat keeps things.
 *
 * With CARAT_HOME set everything lies under it; else the XDG folders. The programs and the
 * installed model are found from the place of the running executable, so a build tree and an
 * installation both work, wherever they lie.
 */
#ifndef CARAT_APP_PATHS_H
#define CARAT_APP_PATHS_H

#include <stdbool.h>

struct err;
struct str;

struct paths {
    char *home;             /* HOME with its links resolved; NULL = none */
    char *config_file;      /* CARAT_HOME/config.toml or XDG_CONFIG_HOME/carat/config.toml */
    char *config_folder;    /* config.d beside it: more files of the user's, read in order */
    char *approvals_file;   /* config.d/approvals.toml: what "always" has allowed */
    char *profiles_folder;  /* profiles beside it: what --profile NAME adds */
    char *skills_folder;    /* skills beside the configuration file */
    char *shared_skills;    /* $HOME/.agents/skills, which other agents read too; NULL = no HOME */
    char *data;             /* CARAT_HOME/data or XDG_DATA_HOME/carat */
    char *store_file;       /* data/conversations.db */
    char *user_models;      /* data/models */
    char *state;            /* CARAT_HOME/state or XDG_STATE_HOME/carat */
    char *cache;            /* CARAT_HOME/cache or XDG_CACHE_HOME/carat */
    char *kv_folder;        /* cache/kv */
    char *log_file;         /* state/carat.log, or what CARAT_LOG names; NULL = none */
    char *trust_file;       /* state/trusted.json: the projects whose servers may start */
    char *installed_models; /* beside the program: ../models or ../share/carat/models */
    char *tool_program;     /* carat-tool beside the program, or ../libexec/carat/carat-tool */
    char *engine_program;   /* carat-engine beside the program */
};

bool paths_find(struct paths *paths, struct err *err);
void paths_finish(struct paths *paths);

/* A path as a person types it: "~/" is HOME, and what is relative begins in `folder`. */
void paths_resolve(const char *path, const char *folder, struct str *out);

#endif
