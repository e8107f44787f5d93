/* prompts: the plain texts of this folder, embedded. Each ends with a NUL that is not counted. */
#ifndef CARAT_PROMPTS_H
#define CARAT_PROMPTS_H

#include <stddef.h>

extern const char prompts_system[]; /* system.md: {workspace} and {date} are filled in */
extern const size_t prompts_system_length;
extern const char prompts_title[];   /* title.md: asks for a name of the conversation */
extern const char prompts_compact[]; /* compact.md: asks for a summary of it */
extern const char prompts_init[];    /* init.md: /init, asks for an AGENTS.md */
extern const char prompts_review[];  /* review.md: /review, asks what is wrong in the changes */
extern const char prompts_btw[];     /* btw.md: before a question beside the conversation */
extern const char prompts_words[];   /* words.md: asks for the words of a sound */
extern const char prompts_tools[];   /* tools.json: the table of tools */
extern const size_t prompts_tools_length;

#endif
