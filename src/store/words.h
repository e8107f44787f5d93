/* words: how texts are cut into words for the search, FTS5's tokenizer "carat".
 *
 * Scripts that put blanks between words are left to FTS5's own unicode61, without diacritics.
 * Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer are written without blanks, or with
 * endings joined to the word: there each character is a word, and so is each emoji. A query is cut
 * in the same way and becomes a phrase, so that any part of such a text is found.
 *
 * What is in an index was cut by the rules that stood here when it was put in: whoever changes them
 * adds a step to the schema that makes the index anew.
 */
#ifndef CARAT_STORE_WORDS_H
#define CARAT_STORE_WORDS_H

#include <sqlite3.h>

/* Makes the tokenizer known to a connection, which must have it before it touches the index. A code
 * of SQLite's: not SQLITE_OK when this one has no FTS5 or no memory. */
int words_register(sqlite3 *handle);

#endif
