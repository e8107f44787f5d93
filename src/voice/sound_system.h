/* sound_system: the machine's own microphone, through PortAudio.
 *
 * The library is loaded (base/late) when a microphone is wanted for the first time: carat starts
 * without it and runs where it is not installed. What it and the libraries under it (ALSA, JACK)
 * would say on standard error is kept off the screen: that leads nowhere while a microphone is
 * open. The device is opened at 16000 Hz mono when it can do that, else at its own rate;
 * sound_stream makes the rest of it.
 */
#ifndef CARAT_VOICE_SOUND_SYSTEM_H
#define CARAT_VOICE_SOUND_SYSTEM_H

#include "voice/microphone.h"

/* One for the whole program; never destroyed. One microphone at a time. */
struct microphone_driver *sound_system_driver(void);

#endif
