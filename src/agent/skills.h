/* skills: texts for one kind of task each, that the model reads when it needs them.
 *
 * A skill is a folder with a SKILL.md (skill_file.h), in .agents/skills and .claude/skills of the
 * project's folders (project_folders.h) and in the user's own folders. Of all of them the model is
 * told names, places and descriptions alone, SKILLS_LIMIT_TOLD bytes at most; it reads the file
 * with its tool, or the user hands the text over by calling the skill. Like the notes of a project
 * they are data: nothing in them configures carat, allows a call, or becomes a control token; what
 * a skill says of tools can only take away. The user's own come first, and a project's skill of
 * the same name is left out: a name that the user knows means what he knows. No symbolic link is
 * followed below a project's folder, nor below the user's.
 *
 * Read once; loop thread. Plain data, owned by whoever holds the struct.
 */
#ifndef CARAT_AGENT_SKILLS_H
#define CARAT_AGENT_SKILLS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

enum {
    SKILLS_LIMIT = 256,             /* so many are known */
    SKILLS_LIMIT_NAMES = 10000,     /* so many names of one folder are looked at */
    SKILLS_LIMIT_TOLD = 1200,       /* bytes of the prompt: some 300 tokens */
    SKILLS_LIMIT_DESCRIPTION = 160, /* of which one description has at most */
    SKILLS_LIMIT_BYTES = 64 * 1024  /* of a SKILL.md */
};

struct skill {
    char *name, *description;
    char *base;  /* the folder below which no link is followed, absolute */
    char *place; /* of the SKILL.md, below it */
    bool own;    /* the user's, not the project's */
    bool within; /* the base is the workspace */
    bool limits; /* no tools but these may run when it is called */
    char **tools;
    size_t tool_count;
    size_t bytes;
    bool told; /* the model knows of it */
};

struct skills {
    struct skill *items;
    size_t count, capacity;
    struct {
        char **items;
        size_t count, capacity;
    } left_out; /* a sentence for each that cannot be used */
};

void skills_init(struct skills *skills);
void skills_finish(struct skills *skills);

/* `own` and `shared` are the user's folders of skills; NULL = there is none. */
void skills_find(struct skills *skills, const char *workspace, const char *own, const char *shared);
/* Appends what the model is told, for the system part, and for people one line that says of what.
 * False, with nothing appended, when there is none. */
bool skills_append(struct skills *skills, struct str *text, struct str *summary);
/* NULL: there is no skill of that name. */
const struct skill *skills_named(const struct skills *skills, const char *name, size_t length);
/* The message that hands the skill's text over, as it stands on disk now; `words` is what the user
 * says to it, in place of each $ARGUMENTS of the text, or behind it. */
bool skills_call(const struct skill *skill, const char *words, struct str *message,
                 struct err *err);
/* A list for people. */
void skills_describe(const struct skills *skills, struct str *out);
/* The folder of a skill's folder, absolute. */
void skills_folder(const struct skill *skill, struct str *out);

#endif
