/* screen_frames: when the screen is drawn.
 *
 * What a key did is drawn before the loop sleeps again, and everything else with it. What comes by
 * itself (an answer, output, the spinner) shares frames: there is one in FRAME_US at most. A frame
 * costs some forty bytes and a commit whatever it shows, so this decides what a token costs.
 *
 * While an answer comes faster than frames do, the model's thread does not wake the loop for each
 * token: the frame's timer fetches them. An answer that is slower is drawn token by token, each at
 * once. The end of an answer and all else wakes the loop always, and an idle screen has no timer.
 *
 * While a window's size changes nothing is drawn: the terminal would get a frame for a size that it
 * no longer has, and on its normal screen what such a frame breaks cannot be mended. A full screen
 * is painted once more when the new size has stood for a while: a terminal within a terminal may
 * have had another one yet when the first frame came.
 */
#ifndef CARAT_SCREEN_SCREEN_FRAMES_H
#define CARAT_SCREEN_SCREEN_FRAMES_H

struct screen;

/* On the loop of the screen's application. The handles are the screen's: frame, spin, settling,
 * repaint, before_wait; who closes them ends this. */
void screen_frames_start(struct screen *screen);

/* The window has, or had for a moment, another size. */
void screen_frames_resized(struct screen *screen);

#endif
