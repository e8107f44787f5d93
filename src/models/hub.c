#include "hub.h"

#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "models/pull.h"

enum { LISTING_LIMIT = 8 * 1024 * 1024 };

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

const char *hub_local_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *last = slash != NULL ? slash + 1 : name;
    size_t length = strlen(last);
    bool ok = length > 5 && length < 200 && last[0] != '.' && strspn(last, plain) == length &&
              strcasecmp(last + length - 5, ".gguf") == 0;
    return ok ? last : NULL;
}

bool hub_is_encoders(const char *name)
{
    const char *local = hub_local_name(name);
    return local != NULL && strncasecmp(local, "mmproj", 6) == 0;
}

/* In an address everything but plain characters and slashes is written as %XX. */
static void append_path(struct str *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '/' || strchr(plain, *c) != NULL) {
            str_append_char(out, *c);
        } else {
            str_append_format(out, "%%%02X", (unsigned char)*c);
        }
    }
}

static void append_host(struct str *out, const char *host)
{
    size_t length = strlen(host);
    while (length > 0 && host[length - 1] == '/') {
        length--;
    }
    str_append_bytes(out, host, length);
}

char *hub_url(const char *host, const char *repository, const char *name)
{
    struct str url;
    str_init(&url);
    append_host(&url, host);
    str_append_char(&url, '/');
    append_path(&url, repository);
    str_append(&url, "/resolve/main/");
    append_path(&url, name);
    return str_take(&url);
}

/* One entry of the listing; false when it is no file that concerns us. */
static bool read_entry(const json_t *entry, struct hub_file *file)
{
    const char *name = json_string_value(json_object_get(entry, "path"));
    const json_t *large = json_object_get(entry, "lfs");
    const json_t *bytes = json_object_get(large != NULL ? large : entry, "size");
    const char *sum = json_string_value(json_object_get(large, "oid"));
    if (name == NULL || hub_local_name(name) == NULL || strstr(name, "..") != NULL) {
        return false;
    }
    *file = (struct hub_file){.name = mem_strdup(name)};
    file->bytes = json_integer_value(bytes) > 0 ? (uint64_t)json_integer_value(bytes) : 0;
    if (sum != NULL && strlen(sum) == 64 && strspn(sum, "0123456789abcdef") == 64) {
        memcpy(file->sha256, sum, 65);
    }
    return true;
}

bool hub_read_listing(const char *text, size_t length, struct hub_file **files, size_t *count,
                      struct err *err)
{
    json_error_t where;
    json_t *listing = json_loadb(text, length, 0, &where), *entry;
    struct hub_file *found = NULL, file;
    size_t n = 0, capacity = 0, i;
    bool ok = json_is_array(listing) || err_set(err, ERR_FORMAT, "not a listing of files");
    json_array_foreach(listing, i, entry)
    {
        if (read_entry(entry, &file)) {
            vec_room(&found, &capacity, n + 1, sizeof *found);
            found[n++] = file;
        }
    }
    json_decref(listing);
    if (ok && n == 0) {
        ok = err_set(err, ERR_NOT_FOUND, "no GGUF file is there");
    }
    if (ok) {
        *files = found;
        *count = n;
    }
    return ok;
}

bool hub_list(const char *host, const char *repository, const char *key, struct hub_file **files,
              size_t *count, struct err *err)
{
    struct str url, text;
    str_init(&url);
    str_init(&text);
    append_host(&url, host);
    str_append(&url, "/api/models/");
    append_path(&url, repository);
    str_append(&url, "/tree/main?recursive=true");
    bool ok = pull_text(url.data, key, LISTING_LIMIT, &text, err) &&
              (hub_read_listing(text.data, text.length, files, count, err) ||
               err_prefix(err, "%s", url.data));
    str_finish(&text);
    str_finish(&url);
    return ok;
}

void hub_files_free(struct hub_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(files[i].name);
    }
    mem_free(files);
}

/* --- choosing --- */

/* "-Q8_0" as a whole word of the name: Q4_K is not Q4_K_M. */
static bool has_word(const char *name, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = name; (at = strcasestr(at, word)) != NULL; at++) {
        bool begins = at > name && strchr("-._/", at[-1]) != NULL;
        if (begins && strchr("-./", at[length]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_candidate(const struct hub_file *file, const char *quantisation)
{
    return !hub_is_encoders(file->name) && strcasestr(file->name, "assistant") == NULL &&
           (quantisation == NULL || has_word(file->name, quantisation));
}

static size_t find(const struct hub_file *files, size_t count, const char *quantisation)
{
    size_t i = 0;
    while (i < count && !is_candidate(&files[i], quantisation)) {
        i++;
    }
    return i;
}

/* The length of the name up to "-00001-of-00003.gguf"; 0 when it is not split. */
static size_t split_stem(const char *name)
{
    const char *of = strstr(name, "-of-");
    return of != NULL && of - name > 6 && of[-6] == '-' ? (size_t)(of - name) - 6 : 0;
}

static void add_parts(const struct hub_file *files, size_t count, size_t first,
                      size_t chosen[HUB_CHOSEN_MAX], size_t *chosen_count)
{
    size_t stem = split_stem(files[first].name);
    for (size_t i = 0; i < count && *chosen_count < HUB_CHOSEN_MAX - 1; i++) {
        bool part = stem > 0 && split_stem(files[i].name) == stem &&
                    strncmp(files[i].name, files[first].name, stem) == 0;
        if (i == first || part) {
            chosen[(*chosen_count)++] = i;
        }
    }
}

/* Of several encoders the one in BF16: speech suffers from coarser ones. */
static size_t find_encoders(const struct hub_file *files, size_t count)
{
    static const char *const wanted[] = {"BF16", "F16", "Q8_0"};
    size_t any = count;
    for (size_t w = 0; w < sizeof wanted / sizeof wanted[0]; w++) {
        for (size_t i = 0; i < count; i++) {
            if (hub_is_encoders(files[i].name)) {
                any = any == count ? i : any;
                if (has_word(files[i].name, wanted[w])) {
                    return i;
                }
            }
        }
    }
    return any;
}

bool hub_choose(const struct hub_file *files, size_t count, const char *quantisation,
                size_t chosen[HUB_CHOSEN_MAX], size_t *chosen_count, struct err *err)
{
    static const char *const preferred[] = {"Q4_0", "Q4_K_M", "Q8_0", NULL};
    size_t found = count;
    if (quantisation != NULL) {
        found = find(files, count, quantisation);
    }
    for (size_t i = 0; quantisation == NULL && found == count && i < 4; i++) {
        found = find(files, count, preferred[i]);
    }
    if (found == count) {
        struct str names;
        str_init(&names);
        for (size_t i = 0; i < count && names.length < 300; i++) {
            str_append_format(&names, "%s%s", i > 0 ? ", " : "", files[i].name);
        }
        err_set(err, ERR_NOT_FOUND, "no model %s%s there; there is %s",
                quantisation != NULL ? "in " : "file", quantisation != NULL ? quantisation : "",
                names.data);
        str_finish(&names);
        return false;
    }
    *chosen_count = 0;
    add_parts(files, count, found, chosen, chosen_count);
    size_t encoders = find_encoders(files, count);
    if (encoders < count) {
        chosen[(*chosen_count)++] = encoders;
    }
    return true;
}
