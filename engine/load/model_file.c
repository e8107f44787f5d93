/* model_file: see model_file.h. */
#include "load/model_file.h"

#include <string.h>

#include <sys/stat.h>

#include "load/gguf.h"
#include "load/gguf_split.h"
#include "load/hf_folder.h"

static bool ends_with(const char *path, const char *end)
{
    size_t length = strlen(path);
    return length >= strlen(end) && strcmp(path + length - strlen(end), end) == 0;
}

bool model_file_is_hf(const char *path, bool *is_folder)
{
    struct stat status;
    *is_folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    return *is_folder || ends_with(path, ".safetensors");
}

struct gguf *model_file_open(const char *path, struct err *err)
{
    bool folder;
    if (model_file_is_hf(path, &folder)) {
        return hf_folder_open(path, folder, err);
    }
    struct gguf *gguf = gguf_open(path, err);
    if (gguf != NULL && !gguf_split_join(gguf, err)) {
        gguf_close(gguf);
        return NULL;
    }
    return gguf;
}
