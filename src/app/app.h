/* app: owns every object of a run and wires them: configuration, store, model, tools, agent, loop.
 *
 * Contains no behaviour of its own: what happens is decided in agent/, what is shown in tui/ or
 * headless. Made once by a command (headless.c, screen.c), which is the face: it is told what
 * happens through `face`. Loop thread.
 */
#ifndef CARAT_APP_APP_H
#define CARAT_APP_APP_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "agent/agent.h"
#include "agent/skills.h"
#include "app/exit_code.h"
#include "app/paths.h"
#include "approval/approval.h"
#include "config/config.h"

struct checkpoint;
struct foreign;
struct foreign_callbacks;
struct hooks;
struct hooks_callbacks;
struct infer;
struct model_change;
struct store;
struct undo;

struct app_face {
    agent_callback *event;
    void *context;
    /* Of a tool that the face started itself; false: the call is the agent's. May be NULL. */
    bool (*tool_finished)(void *context, const char *call_id, const struct toolproc_result *result);
};

struct app {
    const struct config *config;
    struct paths paths;
    struct app_face face;
    char *workspace; /* absolute, symlinks resolved */
    char new_id[37]; /* --session-id in lower case; "" = none */
    char *model_path;
    char *mmproj_path; /* the encoders: as given, or beside the model; NULL = none */
    json_t *policy;    /* what tools may touch */
    struct approval_rules rules;
    struct config_list notices; /* said while it was opened; the face shows them */
    json_t *schema;             /* of the answer; NULL = free text */
    uv_loop_t loop;
    uv_async_t infer_woke;    /* the engine thread has events */
    uv_async_t snapshot_woke; /* a snapshot is made */
    bool loop_open;
    bool headless;
    struct store *store;
    struct infer *infer;         /* NULL: none just now (model_change.h) */
    struct model_change *change; /* another one is on its way */
    uv_prepare_t turn_over;
    int beside; /* pieces of work beside the loop that hold on to it */
    struct toolproc *toolproc;
    struct config_servers servers; /* the user's and a trusted project's */
    struct foreign *foreign;       /* NULL: there are none */
    struct hooks *hooks;           /* the same */
    struct undo *undo;             /* NULL: the user turned it off, or it could not be had */
    struct checkpoint *checkpoint;
    struct agent *agent;
    char *instructions;         /* the project's notes for the model; NULL = none */
    char *instructions_summary; /* which files, and how much they are */
    struct skills skills;
    char *skills_text, *skills_summary; /* the same of skills; NULL = none */
    enum exit_code exit_code;           /* why app_open failed, or what the run ended with */
};

/* Opens everything in order; on failure closes what was opened, says why in err, and leaves the
 * code to exit with in app->exit_code. `headless`: nobody can answer a question. */
bool app_open(struct app *app, const struct config *config, bool headless, struct app_face face,
              struct err *err);
/* The same without a model, tools and an agent: for who makes them (the functions below). */
bool app_open_shared(struct app *app, const struct config *config, bool headless, struct err *err);
/* The face has closed its own handles on the loop (uv_close) before. */
void app_close(struct app *app);

/* Runs the loop until app_stop. */
void app_run(struct app *app);
void app_stop(struct app *app, enum exit_code exit_code);

/* What an agent is made of besides the configuration; all borrowed while the agent lives, the
 * strings while it is made. */
struct app_agent_parts {
    struct infer *infer;
    struct toolproc *toolproc;
    struct checkpoint *checkpoint; /* NULL = nothing is looked at */
    struct foreign *foreign;       /* NULL = none */
    struct hooks *hooks;           /* NULL = none */
    bool keeps_session;            /* what the model has read, so that it can go on later */
    struct app_face face;
    const char *conversation; /* id; NULL = a new one */
    const char *new_id;       /* of that new one; NULL = a fresh one */
    bool attended;            /* the face answers AGENT_APPROVAL even where there is no terminal */
    const json_t *schema;     /* NULL = free text */
    const char *system;       /* NULL = what the configuration says */
};

/* The caller's; NULL with *err and app->exit_code. The model's events wake the loop by `woke`. */
struct infer *app_make_infer(struct app *app, uv_async_t *woke, struct err *err);
struct toolproc *app_make_toolproc(struct app *app, const struct toolproc_callbacks *callbacks,
                                   struct err *err);
/* Which notes and servers there are: the user's, and what the project may add. Before an agent or
 * its servers are made; once more takes the place of what was read. A false one leaves
 * app->exit_code. */
bool app_read_surroundings(struct app *app, struct err *err);
/* NULL: the configuration has none. */
struct foreign *app_make_foreign(struct app *app, const struct foreign_callbacks *callbacks);
struct hooks *app_make_hooks(struct app *app, const struct hooks_callbacks *callbacks);
/* Looks after the folders that tools may change; `undo` NULL: without snapshots. The caller's. */
struct checkpoint *app_make_checkpoint(struct app *app, struct undo *undo,
                                       void (*wake)(void *context), void *context);
/* What was found when one goes; `context` is the app. On stderr where there is no screen. */
void app_say_left(void *context, const char *sentence);
struct agent *app_make_agent(struct app *app, const struct app_agent_parts *parts, struct err *err);
/* Most bytes that are kept of what models have read. */
int64_t app_snapshot_bytes(const struct config *config);
/* Hands over what the model has said so far, for a face that does not wait to be woken
 * (infer_pace). */
void app_poll_model(struct app *app);
/* The model is in this process and answers one request after the other. */
bool app_model_is_here(const struct app *app);
/* Conversations are named by the model: on a screen, by one that is here, or by any when the user
 * set agent.titles. */
bool app_model_names(const struct app *app);

/* Finds the skills and lets tools read those outside of the workspace: before tools are made. */
void app_read_skills(struct app *app);
/* The skill that a text calls, "/NAME WORDS" or "/skill:NAME WORDS", and where the words begin.
 * NULL: it calls none. */
const struct skill *app_skill_called(const struct app *app, const char *text, const char **words);
/* Lets tools read the folders of skills that they cannot read yet; for this folder. */
void app_open_skills(struct app *app);
/* Submits the message that calls it. */
bool app_call_skill(struct app *app, const struct skill *skill, const char *words, struct err *err);

/* The user's word that tools may write in a folder, too, until carat ends; `path` may begin with
 * "~/". False, and nothing changed, when it is none, or while something runs. */
bool app_add_folder(struct app *app, const char *path, struct err *err);
/* All of them, beside the workspace, as tools have them: an array of strings. */
const json_t *app_folders(const struct app *app);

/* The mode that the configuration asks for; unset: ask, or full without a terminal. Never looser
 * than the project allows. */
enum approval_mode app_mode(const struct config *config, bool headless);
/* The loosest mode that the project allows. */
enum approval_mode app_mode_ceiling(const struct config *config);
/* The configuration or the model has changed: the agent's sampling and limits follow. */
void app_apply_settings(struct app *app);
/* Tells the face, as AGENT_NOTICE. */
void app_say(struct app *app, const char *sentence);
/* Keeps a sentence that the user should see, until the face takes it from `notices`. */
void app_notice(struct app *app, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The user's "always" to a call: its rule holds from now on and in later runs. */
bool app_always(struct app *app, const char *rule, struct err *err);

/* The user's allow, ask and deny rules, into initialised, empty ones. */
bool app_read_rules(const struct config *config, struct approval_rules *rules, struct err *err);

/* Leaves the present conversation as it is and begins an empty one, which gets this id (NULL: a
 * fresh one) and this system text (NULL: the configuration's). False when that could not be done:
 * the present one goes on. */
bool app_new_conversation(struct app *app, const char *id, const char *system, struct err *err);

/* Opens paths and store alone, for commands that only look at conversations. */
bool app_open_store(struct app *app, const struct config *config, struct err *err);
/* Opens paths, workspace and its snapshots alone, for `carat undo`. */
bool app_open_undo(struct app *app, const struct config *config, struct err *err);
/* The conversation that a word names: an id, its beginning, or "last" (NULL too) for the last one
 * of this directory. */
struct store_conversation;
bool app_find_conversation(struct app *app, const char *word, struct store_conversation *found,
                           struct err *err);
/* Leaves the present conversation and goes on with another one. False: the present one goes on. */
bool app_switch_conversation(struct app *app, const char *id, struct err *err);
/* Finds the model's file from the configuration (catalogue, models folders). ERR_NOT_FOUND says how
 * to get one. */
bool app_find_model(struct app *app, struct err *err);
/* The model that was found is given pictures and sounds: it has encoders, in this process. */
bool app_takes_media(struct app *app);
/* How the configuration wants the model that was found to run in this process. Views. */
/* The files that a person's text names (mentions.h) go with the next message. False when one cannot
 * be read; then none of them does. */
bool app_attach_mentions(struct app *app, const char *text, struct err *err);
/* Finds the file with the model's encoders, if there is one: mmproj_path. */
void app_find_encoders(struct app *app);
/* Those of -i and --audio. */
bool app_attach_options(struct app *app, struct err *err);

struct infer_local_options;
struct infer_local_options app_local_options(const struct app *app);

#endif
