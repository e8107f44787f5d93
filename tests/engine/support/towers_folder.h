/* towers_folder: a folder as Hugging Face has it, made of the encoders in GGUF files: the same
 * values under the published names, in the published shapes.
 *
 * A test's tool: whatever goes wrong fails the running cmocka test. The names are written here a
 * second time, so that a slip in ours shows.
 */
#ifndef CARAT_TESTS_TOWERS_FOLDER_H
#define CARAT_TESTS_TOWERS_FOLDER_H

#include <stddef.h>

enum { TOWERS_FOLDER_PATH = 64 };

/* Writes config.json and model.safetensors into a new folder. */
void towers_folder_make(char path[TOWERS_FOLDER_PATH], const char *const *ggufs, size_t count);
/* Writes another config.json into it. */
void towers_folder_configure(const char *path, const char *config);
void towers_folder_remove(const char *path);

#endif
