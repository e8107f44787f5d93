/* instructions: the notes for agents that a project keeps: AGENTS.md, else CLAUDE.md, else
 * GEMINI.md.
 *
 * One file of each folder from the project's root (the nearest folder above the workspace with a
 * .git) down to the workspace; the nearest comes last and is kept whole first when all of them are
 * more than INSTRUCTIONS_LIMIT bytes. What is cut is told, in the text and in the summary. They are
 * data for the model: nothing in them configures carat, and as text they can never become a control
 * token. Symbolic links are not followed.
 */
#ifndef CARAT_AGENT_INSTRUCTIONS_H
#define CARAT_AGENT_INSTRUCTIONS_H

#include <stdbool.h>

struct str;

enum { INSTRUCTIONS_LIMIT = 32 * 1024 };

/* Appends the text for the system part, and for people one line that names the files and says how
 * much they are. False when there is none. */
bool instructions_append(const char *workspace, struct str *text, struct str *summary);

#endif
