/* support: what the tests of the store share: folders, messages made from a number, children. */
#ifndef CARAT_TESTS_STORE_SUPPORT_H
#define CARAT_TESTS_STORE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/conversation.h"

#include <sqlite3.h>

struct store;

/* A fresh folder, and "FOLDER/name"; remove with support_remove_folder. Paths: mem_free. */
char *support_make_folder(void);
/* The same in memory where there is such a place: a killed process needs no disk to be killed on,
 * and thousands of syncs would measure the disk. */
char *support_make_memory_folder(void);
void support_remove_folder(char *folder);
char *support_path(const char *folder, const char *name);

/* xorshift64*: the same numbers in every run. */
uint64_t support_random(uint64_t *state);

/* Message `number` of a sequence: role, fields and lengths follow from it, so that any process can
 * make it again and compare. */
void support_make_message(struct chat_message *message, uint64_t number);
bool support_same_message(const struct chat_message *a, const struct chat_message *b);

/* For children of fork(), where cmocka's asserts cannot be used: says what and exits with 99. */
void support_require(bool condition, const char *what, const char *detail);

/* Runs `body` in a child; its exit status, or 128 + signal. */
int support_run_child(void (*body)(void *context), void *context);

/* A mount namespace of our own (in a user namespace when not root), so that a child may mount. */
void support_enter_mount_namespace(void);

/* Plain SQLite, around the store. */
void support_execute(const char *path, const char *sql);
/* The first column of the first row; text: mem_free. */
char *support_query_text(const char *path, const char *sql);
int64_t support_query(const char *path, const char *sql);

/* Whole files. */
unsigned char *support_read_file(const char *path, size_t *size);
void support_write_file(const char *path, const void *bytes, size_t size);

#endif
