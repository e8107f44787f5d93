/* kv_folder: the files with what the model has read of each conversation.
 *
 * One file a conversation, ID.kv, in a cache folder with a budget: the files that were not used for
 * the longest time are deleted first. They are a matter of speed alone; any of them may go at any
 * time. They hold what was said: the folder is the user's own (0700), and a conversation that is
 * purged takes its file along.
 */
#ifndef CARAT_AGENT_KV_FOLDER_H
#define CARAT_AGENT_KV_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

struct str;

/* The path of a conversation's file. */
void kv_folder_path(struct str *out, const char *folder, const char *id);
/* True when there is one; it counts as used now. */
bool kv_folder_use(const char *folder, const char *id);
void kv_folder_forget(const char *folder, const char *id);
/* Deletes files, the least used first, until at most `budget` bytes are left. */
void kv_folder_trim(const char *folder, int64_t budget);

#endif
