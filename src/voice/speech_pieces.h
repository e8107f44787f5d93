/* speech_pieces: long speech in pieces that the model can hear at once.
 *
 * A piece ends in the quietest moment of its last part, so that a word is cut only where somebody
 * speaks for many seconds without drawing breath. Behind each other the pieces are the speech,
 * sample by sample: nothing is left out and nothing comes twice.
 */
#ifndef CARAT_VOICE_SPEECH_PIECES_H
#define CARAT_VOICE_SPEECH_PIECES_H

#include <stddef.h>

enum { SPEECH_PIECES_MOST = 30 * 16000, SPEECH_PIECES_SEARCH = 12 * 16000 };

/* How many of the `count` samples are the next piece: all of them when they are at most
 * SPEECH_PIECES_MOST, else a number of at most that and more than MOST - SEARCH. */
size_t speech_pieces_next(const float *samples, size_t count);

#endif
