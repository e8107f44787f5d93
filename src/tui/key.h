/* key: the bytes that a terminal sends, as keys.
 *
 * A pure reader: bytes in, keys out, no clock. An ESC alone cannot be told from the beginning of a
 * sequence until time has passed; the caller says so with `settled`. Unknown sequences are used up
 * as one key (TERMINAL_KEY_OTHER), never typed as text.
 *
 * Bracketed paste (ESC[200~ text ESC[201~) is data as a whole. A text that holds an end mark itself
 * would have its rest typed as keys; so after an end mark the reader waits until nothing more comes
 * (settled) and, when there is a further end mark that no begin mark belongs to, takes all up to it
 * as the paste.
 */
#ifndef CARAT_TUI_KEY_H
#define CARAT_TUI_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct terminal_key;

/* Bytes of one paste that are kept; the rest of it is dropped. */
enum { KEY_PASTE_LIMIT = 16 * 1024 * 1024 };

/* A sequence that a terminal type is known to send, over and above the common ones. */
struct key_sequence {
    char bytes[16];
    uint32_t key;
};

struct key_reader {
    struct str input;
    size_t at; /* bytes of the input that are used up */
    bool pasting;
    size_t scanned;   /* while pasting: bytes behind `at` that hold no end mark */
    struct str paste; /* what the last paste key shows */
    struct key_sequence extra[32];
    size_t extra_count;
};

enum key_result {
    KEY_NONE,    /* nothing waits */
    KEY_MORE,    /* a beginning waits: ask again with more bytes, or settled */
    KEY_PASTING, /* a paste waits for its end: ask again with more bytes */
    KEY_READY,
};

void key_reader_init(struct key_reader *reader);
void key_reader_finish(struct key_reader *reader);
/* Sequences from the terminal's description; ignored when empty, too long or too many. */
void key_reader_add_sequence(struct key_reader *reader, const char *bytes, uint32_t key);
void key_reader_feed(struct key_reader *reader, const char *bytes, size_t length);
enum key_result key_reader_next(struct key_reader *reader, bool settled, struct terminal_key *key);

#endif
