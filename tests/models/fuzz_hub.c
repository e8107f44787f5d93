/* A repository's listing as a hostile server would write it: the first line is the quantisation
 * that is asked for, the rest the listing. What may be written to our disk is a plain name, always.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "models/hub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    char *rest = strchr(text, '\n');
    struct hub_file *files;
    size_t count, chosen[HUB_CHOSEN_MAX], n;
    if (rest != NULL) {
        *rest++ = '\0';
        if (hub_read_listing(rest, strlen(rest), &files, &count, NULL)) {
            for (size_t i = 0; i < count; i++) {
                const char *name = hub_local_name(files[i].name);
                assert(name != NULL && name[0] != '.' && strchr(name, '/') == NULL);
            }
            if (hub_choose(files, count, text[0] != '\0' ? text : NULL, chosen, &n, NULL)) {
                assert(n >= 1 && n <= HUB_CHOSEN_MAX);
                for (size_t i = 0; i < n; i++) {
                    assert(chosen[i] < count);
                    char *url = hub_url("https://host/", "a/b", files[chosen[i]].name);
                    assert(strstr(url, "/../") == NULL);
                    mem_free(url);
                }
            }
            hub_files_free(files, count);
        }
    }
    mem_free(text);
    return 0;
}
