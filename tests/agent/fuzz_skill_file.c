/* The head of a SKILL.md of any bytes: an error, or a name and a description that keep their
 * promises. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "agent/skill_file.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skill_file file;
    struct err err = {0};
    if (!skill_file_read(&file, (const char *)data, size, &err)) {
        assert(err.text[0] != '\0');
        return 0;
    }
    assert(file.name[0] != '\0' && strlen(file.name) <= SKILL_FILE_NAME_LIMIT);
    assert(strpbrk(file.name, " /\n\x1b<|") == NULL);
    assert(file.description[0] != '\0' && strpbrk(file.description, "\n\r\x1b\x7f") == NULL);
    assert(file.tool_count <= SKILL_FILE_TOOLS_LIMIT && file.body <= size);
    skill_file_finish(&file);
    return 0;
}
