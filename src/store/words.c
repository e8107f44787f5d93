#include "words.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* Characters that are words by themselves; in order. */
static const struct {
    uint32_t first, last;
} ALONE[] = {
    {0x0E01, 0x0EFF},   /* Thai, Lao */
    {0x1000, 0x109F},   /* Burmese */
    {0x1100, 0x11FF},   /* Hangul, in letters */
    {0x1780, 0x17FF},   /* Khmer */
    {0x2600, 0x27BF},   /* weather, signs, dingbats */
    {0x2B50, 0x2B55},   /* stars and circles */
    {0x2E80, 0x2FDF},   /* radicals */
    {0x3005, 0x3007},   /* repeated, closed, zero */
    {0x3021, 0x302F},   /* numerals of Hangzhou, tones */
    {0x3031, 0x3035},   /* repeated kana */
    {0x3038, 0x303C},   /* more numerals */
    {0x3041, 0x30FA},   /* Hiragana, Katakana */
    {0x30FC, 0x318E},   /* prolonged, Bopomofo, Hangul */
    {0x31A0, 0x31FF},   /* more Bopomofo, Katakana */
    {0x3400, 0x4DBF},   /* Han */
    {0x4E00, 0x9FFF},   /* Han */
    {0xA960, 0xA97F},   /* Hangul, in letters */
    {0xAC00, 0xD7FF},   /* Hangul */
    {0xF900, 0xFAFF},   /* Han, compatible */
    {0xFF66, 0xFFDC},   /* Katakana and Hangul of half a width */
    {0x1AFF0, 0x1B16F}, /* older kana */
    {0x1F000, 0x1FAFF}, /* emoji */
    {0x20000, 0x3FFFF}, /* Han */
};

static bool is_alone(uint32_t c)
{
    size_t low = 0, high = sizeof ALONE / sizeof ALONE[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > ALONE[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < sizeof ALONE / sizeof ALONE[0] && c >= ALONE[low].first;
}

typedef int take_word(void *context, int flags, const char *word, int length, int start, int end);

struct words {
    fts5_tokenizer other; /* unicode61's functions */
    Fts5Tokenizer *rest;  /* what stands between characters that are alone */
};

/* A stretch of a text that goes to the other tokenizer: its places count from the stretch on. */
struct stretch {
    void *context;
    take_word *take;
    int start;
};

static int take_shifted(void *context, int flags, const char *word, int length, int start, int end)
{
    const struct stretch *stretch = context;
    return stretch->take(stretch->context, flags, word, length, stretch->start + start,
                         stretch->start + end);
}

static int cut_stretch(const struct words *words, int flags, const char *text, int length,
                       struct stretch *stretch)
{
    if (length == 0) {
        return SQLITE_OK;
    }
    return words->other.xTokenize(words->rest, stretch, flags, text + stretch->start, length,
                                  take_shifted);
}

static int cut(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text, int length,
               take_word *take)
{
    const struct words *words = (const struct words *)(const void *)tokenizer;
    struct stretch stretch = {context, take, 0};
    for (int at = 0; at < length;) {
        if ((unsigned char)text[at] < 0xE0) { /* all that is alone takes three bytes or four */
            at++;
            continue;
        }
        size_t used;
        uint32_t c = utf8_decode(text + at, (size_t)(length - at), &used);
        int next = at + (int)used;
        if (c < UTF8_INCOMPLETE && is_alone(c)) {
            int code = cut_stretch(words, flags, text, at - stretch.start, &stretch);
            code = code == SQLITE_OK ? take(context, 0, text + at, next - at, at, next) : code;
            if (code != SQLITE_OK) {
                return code;
            }
            stretch.start = next;
        }
        at = next;
    }
    return cut_stretch(words, flags, text, length - stretch.start, &stretch);
}

static void destroy(Fts5Tokenizer *tokenizer)
{
    struct words *words = (struct words *)(void *)tokenizer;
    words->other.xDelete(words->rest);
    mem_free(words);
}

static int create(void *context, const char **arguments, int count, Fts5Tokenizer **out)
{
    static const char *OTHER_ARGUMENTS[] = {"remove_diacritics", "2"};
    fts5_api *api = context;
    struct words *words = mem_zero(1, sizeof *words);
    void *other_context;
    (void)arguments;
    int code = count == 0 ? api->xFindTokenizer(api, "unicode61", &other_context, &words->other)
                          : SQLITE_ERROR; /* it has no settings */
    if (code == SQLITE_OK) {
        code = words->other.xCreate(other_context, OTHER_ARGUMENTS, 2, &words->rest);
    }
    if (code != SQLITE_OK) {
        mem_free(words);
        return code;
    }
    *out = (Fts5Tokenizer *)(void *)words;
    return SQLITE_OK;
}

static int find_api(sqlite3 *handle, fts5_api **api)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(handle, "SELECT fts5(?1)", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_pointer(statement, 1, (void *)api, "fts5_api_ptr", NULL);
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        }
        sqlite3_finalize(statement);
    }
    return code == SQLITE_DONE && *api == NULL ? SQLITE_ERROR : code;
}

int words_register(sqlite3 *handle)
{
    fts5_api *api = NULL;
    fts5_tokenizer tokenizer = {create, destroy, cut};
    int code = find_api(handle, &api);
    return code == SQLITE_DONE ? api->xCreateTokenizer(api, "carat", api, &tokenizer, NULL) : code;
}
