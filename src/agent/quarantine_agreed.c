#include "agent/quarantine_agreed.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Bytes of a name: a word that goes on with one is another word. Those of other alphabets too. */
static bool goes_on(char byte)
{
    unsigned char value = (unsigned char)byte;
    return isalnum(value) || value >= 0x80 || (byte != '\0' && strchr("_-.", byte) != NULL);
}

/* Whether what stands before `at` makes an address of it: "https://host/.git", and for a
 * repository "host:.git" too. */
static bool in_address(const char *agreed, const char *at, bool repository)
{
    const char *word = at;
    while (word > agreed && !isspace((unsigned char)word[-1])) {
        word--;
    }
    for (; word < at; word++) {
        if (word[0] == ':' && (repository || strncmp(word, "://", 3) == 0)) {
            return true;
        }
    }
    return false;
}

/* `folder`: the name of something in it is its own name as well. */
static bool stands_in(const char *agreed, const char *name, bool folder, bool repository)
{
    size_t length = strlen(name);
    for (const char *at = agreed; (at = strstr(at, name)) != NULL; at++) {
        bool ends = !goes_on(at[length]) && (folder || at[length] != '/');
        if (ends && (at == agreed || !goes_on(at[-1])) && !in_address(agreed, at, repository)) {
            return true;
        }
    }
    return false;
}

/* The path from its first ".git" on; NULL when it has none. */
static const char *from_repository(const char *path)
{
    for (const char *at = path; at != NULL; at = strchr(at, '/')) {
        at += strspn(at, "/");
        if (strcspn(at, "/") == strlen(".git") && strncasecmp(at, ".git", strlen(".git")) == 0) {
            return at;
        }
    }
    return NULL;
}

bool quarantine_agreed(const char *agreed, const char *path)
{
    const char *repository = from_repository(path);
    const char *slash = strrchr(path, '/');
    if (repository != NULL) {
        return stands_in(agreed, repository, false, true);
    }
    return stands_in(agreed, slash != NULL ? slash + 1 : path, true, false);
}

bool quarantine_agreed_whole(const char *agreed, const char *path)
{
    return stands_in(agreed, path, false, false);
}
