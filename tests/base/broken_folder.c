#include "broken_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

bool is_broken;

struct dirent *__real_readdir(DIR *folder);
struct dirent *__wrap_readdir(DIR *folder);
struct dirent *__real_readdir64(DIR *folder);
struct dirent *__wrap_readdir64(DIR *folder);

static struct dirent *break_at(struct dirent *found)
{
    if (is_broken && found != NULL && strcmp(found->d_name, "broken") == 0) {
        errno = EIO;
        found = NULL;
    }
    return found;
}

struct dirent *__wrap_readdir(DIR *folder)
{
    return break_at(__real_readdir(folder));
}

struct dirent *__wrap_readdir64(DIR *folder)
{
    return break_at(__real_readdir64(folder));
}
