/* Fuzz target: any bytes as a shell command; what is read keeps its promises. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "approval/command_traps.h"
#include "approval/shell_rule.h"
#include "approval/shell_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* It, or what only limits it. */
static bool may_be_git(const struct shell_words *words)
{
    const char *program = words->count > 0 ? words->items[0].text : "";
    return strcmp(program, "git") == 0 || strcmp(program, "timeout") == 0 ||
           strcmp(program, "nice") == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shell_script script;
    const char *why = NULL;
    if (!shell_words_read(&script, (const char *)data, size, &why)) {
        assert(why != NULL && script.count == 0);
        return 0;
    }
    assert(script.count > 0 && script.count <= SHELL_WORDS_COMMANDS);
    for (size_t i = 0; i < script.count; i++) {
        const char *trap = NULL;
        bool allowed = shell_rule_allows("git *", &script.items[i], &trap);
        assert(!allowed || may_be_git(&script.items[i].words));
        command_traps_find(&script.items[i], 1);
        enum shell_concern concern = shell_rule_concerns("git *", &script.items[i]);
        assert(!allowed || concern == SHELL_CONCERN_YES);
        shell_rule_concerns("*a?b*", &script.items[i]);
    }
    shell_words_finish(&script);
    return 0;
}
