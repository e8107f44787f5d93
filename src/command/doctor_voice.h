/* doctor_voice: carat doctor's words about the microphone and the program that speaks. */
#ifndef CARAT_COMMAND_DOCTOR_VOICE_H
#define CARAT_COMMAND_DOCTOR_VOICE_H

struct config;

/* Prints them. The microphone is found, not opened: nothing is heard. */
void doctor_voice_print(const struct config *config);

#endif
