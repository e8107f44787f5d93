/* Any bytes as a text that is put into an index and searched for: the index stays whole, and a text
 * in which there is a word at all is found by itself, with all of its characters. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/utf8.h"
#include "store/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sqlite3 *open_index(void)
{
    sqlite3 *index;
    int code = sqlite3_open(":memory:", &index);
    assert(code == SQLITE_OK && words_register(index) == SQLITE_OK);
    code = sqlite3_exec(index,
                        "CREATE VIRTUAL TABLE said USING fts5 (text, tokenize = 'carat');"
                        "CREATE VIRTUAL TABLE words USING fts5vocab (said, row)",
                        NULL, NULL, NULL);
    assert(code == SQLITE_OK);
    return index;
}

/* Runs a statement over the text. True when there is a row, whose first column is `*value`. */
static bool ask(sqlite3 *index, const char *sql, const char *text, size_t length, int *value)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(index, sql, -1, &statement, NULL);
    assert(code == SQLITE_OK);
    sqlite3_bind_text(statement, 1, text, (int)length, SQLITE_STATIC);
    code = sqlite3_step(statement);
    assert(code == SQLITE_ROW || code == SQLITE_DONE);
    *value = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sqlite3
        *index; /* making one is most of the work, so what is put into it is taken back */
    const char *text = (const char *)data;
    int value;
    index = index == NULL ? open_index() : index;
    ask(index, "BEGIN", "", 0, &value);
    ask(index, "INSERT INTO said VALUES (?1)", text, size, &value);
    ask(index, "INSERT INTO said (said, rank) VALUES ('integrity-check', 1)", "", 0, &value);
    /* What FTS5's own language of questions, and C, would take for an end is left out. */
    if (utf8_valid(text, size) && memchr(text, '"', size) == NULL &&
        memchr(text, '\0', size) == NULL) {
        int words;
        ask(index, "SELECT count(*) FROM words WHERE ?1 = ?1", text, size, &words);
        bool found = ask(index,
                         "SELECT highlight(said, 0, '', '') = ?1 FROM said "
                         "WHERE said MATCH '\"' || ?1 || '\"'",
                         text, size, &value);
        assert(found == (words > 0) && (!found || value == 1));
    }
    ask(index, "ROLLBACK", "", 0, &value);
    return 0;
}
