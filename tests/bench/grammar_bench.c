/* grammar_bench: what a mask costs. Prints numbers, judges nothing; not part of the tests.
 *
 *     tests/chat/grammar_bench [TOKENS]
 *
 * A made-up vocabulary of 262,144 tokens: all single bytes, pieces of code and JSON, then words of
 * random letters with a space, a capital, a punctuation mark before or behind, as tokenizers have
 * them. The time to build the tries, and to list what may follow at several places.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "chat/grammar.h"
#include "chat/grammar_mask.h"

enum { TOKEN_SIZE = 20, ROUNDS = 2000, SLOW_ROUNDS = 50 };

struct vocabulary {
    char (*texts)[TOKEN_SIZE];
    int32_t count;
};

static uint64_t seed = 1;

static uint32_t below(uint32_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % limit;
}

/* Letters as common as in English, so that prefixes are shared as in a real vocabulary. */
static void make_word(char *out, size_t length)
{
    static const char letters[] = "eeeeeeettttaaaooiiinnnssshhrrrddlluucmwfgypbvkjxqz";
    for (size_t i = 0; i < length; i++) {
        out[i] = letters[below(sizeof letters - 1)];
    }
    out[length] = '\0';
}

static void make_token(char *out, int32_t id)
{
    static const char *const pieces[] = {"call",  "call:", "path", "command", "{\"",  "\":",
                                         "\",\"", "},{",   "true", "false",   "null", "shell"};
    static const char marks[] = ",:;.)(]}\"_-=";
    char word[TOKEN_SIZE];
    if (id < 256) {
        out[0] = (char)id;
    } else if (id < 256 + 12) {
        snprintf(out, TOKEN_SIZE, "%s", pieces[id - 256]);
    } else if (id < 256 + 12 + 1000) {
        snprintf(out, TOKEN_SIZE, "%d", id - 256 - 12);
    } else {
        make_word(word, 2 + below(9));
        uint32_t kind = below(10);
        snprintf(out, TOKEN_SIZE,
                 kind < 5   ? " %s"
                 : kind < 9 ? "%s"
                            : "%s%c",
                 word, marks[below(sizeof marks - 1)]);
    }
}

static bool bytes_of(void *context, int32_t id, const char **bytes, size_t *length)
{
    const struct vocabulary *vocabulary = context;
    *bytes = vocabulary->texts[id];
    *length = id < 256 ? 1 : strlen(*bytes);
    return true;
}

/* ' in `written` is QUOTE. */
static void measure(struct grammar_mask *mask, const struct grammar *grammar, const char *what,
                    const char *written, bool quotes, int rounds)
{
    struct grammar_state state;
    grammar_start(&state, grammar);
    for (const char *c = written; *c != '\0'; c++) {
        if (*c == '\'' && quotes ? !grammar_feed_control(&state, CONTROL_QUOTE)
                                 : !grammar_feed_bytes(&state, c, 1)) {
            fprintf(stderr, "%s is not of the language\n", written);
            exit(1);
        }
    }
    size_t count = 0;
    int64_t start = clock_monotonic_us();
    for (int i = 0; i < rounds; i++) {
        grammar_mask_list(mask, &state, &count);
    }
    double each = (double)(clock_monotonic_us() - start) / rounds;
    printf("%-40s %10.2f us %8zu tokens\n", what, each, count);
}

static const char tools_text[] =
    "[{\"function\":{\"name\":\"shell\",\"parameters\":{\"type\":\"object\",\"properties\":{"
    "\"command\":{\"type\":\"string\"},\"timeout_s\":{\"type\":\"integer\"},"
    "\"how\":{\"enum\":[\"fast\",\"slow\"]}},\"required\":[\"command\"]}}},"
    "{\"function\":{\"name\":\"read_file\",\"parameters\":{\"type\":\"object\",\"properties\":{"
    "\"path\":{\"type\":\"string\"}},\"required\":[\"path\"]}}}]";

int main(int argc, char **argv)
{
    long asked = argc > 1 ? strtol(argv[1], NULL, 10) : 262144;
    struct vocabulary vocabulary = {.count =
                                        asked < 2000 || asked > 1 << 22 ? 262144 : (int32_t)asked};
    vocabulary.texts = mem_zero((size_t)vocabulary.count, TOKEN_SIZE);
    for (int32_t id = 0; id < vocabulary.count; id++) {
        make_token(vocabulary.texts[id], id);
    }
    int64_t start = clock_monotonic_us();
    struct grammar_mask *mask = grammar_mask_create(vocabulary.count, bytes_of, &vocabulary);
    printf("%-40s %10.1f ms\n", "building both tries",
           (double)(clock_monotonic_us() - start) / 1000);
    struct token_trie *trie = token_trie_create(vocabulary.count, bytes_of, &vocabulary);
    printf("%-40s %10u (%.1f MB)\n", "nodes of one trie", trie->count,
           (double)trie->count * sizeof *trie->nodes / 1e6);
    token_trie_destroy(trie);

    json_t *tools = json_loads(tools_text, 0, NULL);
    start = clock_monotonic_us();
    struct grammar *calls = grammar_create_calls(tools, NULL);
    printf("%-40s %10.1f us\n", "compiling two tools", (double)(clock_monotonic_us() - start));
    measure(mask, calls, "call: name", "", true, ROUNDS);
    measure(mask, calls, "call: the key", "call:read_file{", true, ROUNDS);
    measure(mask, calls, "call: one of several keys", "call:shell{", true, ROUNDS);
    measure(mask, calls, "call: inside an integer", "call:shell{timeout_s:1", true, ROUNDS);
    measure(mask, calls, "call: a choice", "call:shell{how:'", true, ROUNDS);
    measure(mask, calls, "call: behind a value", "call:shell{command:'x'", true, ROUNDS);

    json_t *schema = json_pack("{}");
    struct grammar *value = grammar_create_value(schema, NULL);
    measure(mask, value, "JSON: any value", "", false, ROUNDS);
    measure(mask, value, "JSON: inside a string", "\"a", false, SLOW_ROUNDS);
    measure(mask, value, "JSON: behind a backslash", "\"\\", false, SLOW_ROUNDS);
    measure(mask, value, "JSON: behind a value", "[1,true", false, ROUNDS);
    grammar_destroy(value);
    grammar_destroy(calls);
    json_decref(schema);
    json_decref(tools);
    grammar_mask_destroy(mask);
    mem_free(vocabulary.texts);
    return 0;
}
