/* growth_rows: what an answer that streams has more than its row.
 *
 * Such an answer is committed before each frame that shows more of it. To write its row anew each
 * time would cost the more the longer it is, so what came since goes into a row of its own: a
 * piece. A piece says where in the text, the thought and the tokens it begins, and carries a hash.
 * The row with its pieces is the message; whoever reads an unfinished message reads them too. They
 * are written into the row when they have become long, when the answer ends, and when a process
 * takes the conversation of one that was killed, or copies it.
 *
 * A piece that the row holds already, because another process wrote it in, is passed over.
 * Private to src/store.
 */
#ifndef CARAT_STORE_GROWTH_ROWS_H
#define CARAT_STORE_GROWTH_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"

struct chat_message;
struct err;

enum { GROWTH_TAIL = 16 };

/* The answer that this process lets grow: how far it is kept. Zeroed: none. */
struct growth {
    int64_t row; /* 0 = none */
    int64_t piece;
    size_t text, thought, tokens, calls;
    char text_tail[GROWTH_TAIL], thought_tail[GROWTH_TAIL]; /* the last bytes that are kept */
    size_t base, grown;                                     /* bytes in the row, in its pieces */
};

/* The row holds all of the message. */
void growth_note(struct growth *growth, int64_t row, const struct chat_message *message);
/* Whether what is new of the message is a piece worth writing: it goes on where it was, and there
 * is not too much in pieces yet. */
bool growth_fits(const struct growth *growth, int64_t row, const struct chat_message *message);
/* Inside a transaction. The caller notes it (growth_note_piece) once that is committed. */
bool growth_rows_put(struct db *db, const struct growth *growth, const struct chat_message *message,
                     struct err *err);
void growth_note_piece(struct growth *growth, const struct chat_message *message);

/* Appends the pieces of the row to the message that was read from it. ERR_FORMAT when one is
 * damaged or missing. */
bool growth_rows_read(struct db *db, int64_t row, struct chat_message *message, struct err *err);
bool growth_rows_forget(struct db *db, int64_t row, struct err *err);
/* A message of the conversation that has pieces; *row 0: there is none. */
bool growth_rows_next(struct db *db, int64_t conversation, int64_t *row, int64_t *ordinal,
                      struct err *err);

#endif
