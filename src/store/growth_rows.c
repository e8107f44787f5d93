#include "growth_rows.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/conversation.h"

#include "message_body.h"
#include "row_hash.h"

/* Bytes in pieces after which the row is written anew: some 4,700 tokens. */
enum { PIECES_LIMIT = 32 * 1024 };

struct piece {
    int64_t number, text_at, thought_at, tokens_at;
    const char *text, *thought, *tokens;
    size_t text_length, thought_length, tokens_length; /* bytes */
};

static int64_t hash_piece(int64_t row, const struct piece *piece)
{
    struct row_hash hash;
    row_hash_init(&hash);
    row_hash_integer(&hash, row);
    row_hash_integer(&hash, piece->number);
    row_hash_integer(&hash, piece->text_at);
    row_hash_integer(&hash, piece->thought_at);
    row_hash_integer(&hash, piece->tokens_at);
    row_hash_bytes(&hash, piece->text, piece->text_length);
    row_hash_bytes(&hash, piece->thought, piece->thought_length);
    row_hash_bytes(&hash, piece->tokens, piece->tokens_length);
    return row_hash_value(&hash);
}

/* --- how far it is kept --- */

static size_t tail_length(size_t length)
{
    return length < GROWTH_TAIL ? length : GROWTH_TAIL;
}

static void note_tail(char tail[GROWTH_TAIL], const char *text, size_t length)
{
    memcpy(tail, text + length - tail_length(length), tail_length(length));
}

static bool goes_on(const char tail[GROWTH_TAIL], size_t kept, const char *text, size_t length)
{
    return length >= kept && memcmp(tail, text + kept - tail_length(kept), tail_length(kept)) == 0;
}

/* The message goes on behind what was noted, or nothing was. */
static void note(struct growth *growth, const struct chat_message *message)
{
    growth->text += strlen(message->text + growth->text);
    growth->thought += strlen(message->thought + growth->thought);
    growth->tokens = message->token_count;
    growth->calls = message->call_count;
    note_tail(growth->text_tail, message->text, growth->text);
    note_tail(growth->thought_tail, message->thought, growth->thought);
}

static size_t bytes_of(const struct growth *growth)
{
    return growth->text + growth->thought + 4 * growth->tokens;
}

void growth_note(struct growth *growth, int64_t row, const struct chat_message *message)
{
    *growth = (struct growth){.row = message->complete ? 0 : row};
    note(growth, message);
    growth->base = bytes_of(growth);
}

void growth_note_piece(struct growth *growth, const struct chat_message *message)
{
    note(growth, message);
    growth->piece++;
    growth->grown = bytes_of(growth) - growth->base;
}

bool growth_fits(const struct growth *growth, int64_t row, const struct chat_message *message)
{
    return growth->row == row && row != 0 && !message->complete &&
           message->call_count == growth->calls && message->token_count >= growth->tokens &&
           growth->grown < PIECES_LIMIT &&
           goes_on(growth->text_tail, growth->text, message->text, strlen(message->text)) &&
           goes_on(growth->thought_tail, growth->thought, message->thought,
                   strlen(message->thought));
}

/* --- rows --- */

bool growth_rows_put(struct db *db, const struct growth *growth, const struct chat_message *message,
                     struct err *err)
{
    static const char SQL[] =
        "INSERT INTO growth (message, piece, text_at, thought_at, tokens_at, hash, text, thought, "
        "tokens) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    /* Without tokens there is nothing to count an offset from. */
    const struct chat_message rest = {
        .tokens = message->tokens == NULL ? NULL : message->tokens + growth->tokens,
        .token_count = message->token_count - growth->tokens};
    struct piece piece = {
        .number = growth->piece,
        .text_at = (int64_t)growth->text,
        .thought_at = (int64_t)growth->thought,
        .tokens_at = (int64_t)growth->tokens,
        .text = message->text + growth->text,
        .thought = message->thought + growth->thought,
    };
    unsigned char none[1] = {0};
    unsigned char *tokens = NULL;
    piece.text_length = strlen(piece.text);
    piece.thought_length = strlen(piece.thought);
    if (message->tokens != NULL) {
        tokens = message_body_write_tokens(&rest, &piece.tokens_length);
    }
    piece.tokens = (const char *)(tokens != NULL ? tokens : none);
    bool ok = db_run_bound(db, SQL,
                           DB_VALUES(DB_INTEGER(growth->row), DB_INTEGER(piece.number),
                                     DB_INTEGER(piece.text_at), DB_INTEGER(piece.thought_at),
                                     DB_INTEGER(piece.tokens_at),
                                     DB_INTEGER(hash_piece(growth->row, &piece)),
                                     DB_BYTES(piece.text, piece.text_length),
                                     DB_BYTES(piece.thought, piece.thought_length),
                                     DB_BLOB(piece.tokens, piece.tokens_length)),
                           err);
    mem_free(tokens);
    return ok;
}

/* Appends what of added[0..length), which belongs at byte `at`, is not there yet; false when there
 * is a gap before it. */
static bool append_text(char **text, int64_t at, const char *added, size_t length)
{
    size_t have = strlen(*text), begin = (size_t)at;
    if (at < 0 || begin > have) {
        return false;
    }
    if (begin + length > have) {
        struct str whole;
        str_init(&whole);
        str_append_bytes(&whole, *text, have);
        str_append_bytes(&whole, added + (have - begin), length - (have - begin));
        mem_free(*text);
        *text = str_take(&whole);
    }
    return true;
}

static bool append_tokens(struct chat_message *message, const struct piece *piece, struct err *err)
{
    struct chat_message added = {0};
    size_t have = message->token_count, begin = (size_t)piece->tokens_at;
    if (piece->tokens_length == 0) {
        return true;
    }
    if (piece->tokens_at < 0 || begin > have) {
        return err_set(err, ERR_FORMAT, "tokens are missing before %lld",
                       (long long)piece->tokens_at);
    }
    if (!message_body_read_tokens((const unsigned char *)piece->tokens, piece->tokens_length,
                                  &added, err)) {
        return false;
    }
    if (begin + added.token_count > have) {
        size_t skip = have - begin;
        message->token_count = begin + added.token_count;
        message->tokens =
            mem_resize(message->tokens, message->token_count, sizeof *message->tokens);
        memcpy(message->tokens + have, added.tokens + skip,
               (added.token_count - skip) * sizeof *message->tokens);
    }
    mem_free(added.tokens);
    return true;
}

static const char *read_bytes(sqlite3_stmt *statement, int column, size_t *length)
{
    const char *bytes = db_column_bytes(statement, column, length);
    return bytes != NULL ? bytes : "";
}

static bool append_piece(int64_t row, sqlite3_stmt *statement, struct chat_message *message,
                         struct err *err)
{
    struct piece piece = {.number = sqlite3_column_int64(statement, 0),
                          .text_at = sqlite3_column_int64(statement, 1),
                          .thought_at = sqlite3_column_int64(statement, 2),
                          .tokens_at = sqlite3_column_int64(statement, 3)};
    piece.text = read_bytes(statement, 5, &piece.text_length);
    piece.thought = read_bytes(statement, 6, &piece.thought_length);
    piece.tokens = read_bytes(statement, 7, &piece.tokens_length);
    if (hash_piece(row, &piece) != sqlite3_column_int64(statement, 4)) {
        return err_set(err, ERR_FORMAT, "piece %lld is damaged: its hash does not match",
                       (long long)piece.number);
    }
    if (!append_text(&message->text, piece.text_at, piece.text, piece.text_length) ||
        !append_text(&message->thought, piece.thought_at, piece.thought, piece.thought_length)) {
        return err_set(err, ERR_FORMAT, "text is missing before piece %lld",
                       (long long)piece.number);
    }
    return append_tokens(message, &piece, err);
}

bool growth_rows_read(struct db *db, int64_t row, struct chat_message *message, struct err *err)
{
    static const char SQL[] = "SELECT piece, text_at, thought_at, tokens_at, hash, text, thought, "
                              "tokens FROM growth WHERE message = ?1 ORDER BY piece";
    sqlite3_stmt *statement = db_bound(db, SQL, DB_VALUES(DB_INTEGER(row)), err);
    if (statement == NULL) {
        return false;
    }
    bool more = false, ok;
    while ((ok = db_step(db, statement, &more, err)) && more) {
        ok = append_piece(row, statement, message, err);
        if (!ok) {
            break;
        }
    }
    db_done(statement);
    return ok;
}

bool growth_rows_forget(struct db *db, int64_t row, struct err *err)
{
    static const char SQL[] = "DELETE FROM growth WHERE message = ?1";
    return db_run_bound(db, SQL, DB_VALUES(DB_INTEGER(row)), err);
}

bool growth_rows_next(struct db *db, int64_t conversation, int64_t *row, int64_t *ordinal,
                      struct err *err)
{
    static const char ROW[] = "SELECT min(row) FROM growth JOIN messages ON row = message "
                              "WHERE conversation = ?1";
    static const char ORDINAL[] = "SELECT ordinal FROM messages WHERE row = ?1";
    return db_find_integer(db, ROW, DB_VALUES(DB_INTEGER(conversation)), row, NULL, err) &&
           db_find_integer(db, ORDINAL, DB_VALUES(DB_INTEGER(*row)), ordinal, NULL, err);
}
