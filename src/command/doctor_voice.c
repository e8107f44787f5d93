#include "command/doctor_voice.h"

#include <stdio.h>
#include <string.h>

#include "app/speaker.h"
#include "base/err.h"
#include "base/str.h"
#include "base/visible.h"
#include "config/config.h"
#include "voice/sound_system.h"

void doctor_voice_print(const struct config *config)
{
    struct microphone_driver *driver = sound_system_driver();
    struct microphone_format format;
    struct err err;
    if (driver->open(driver, &format, &err)) {
        struct str name;
        str_init(&name);
        visible_append(&name, format.name, strlen(format.name), VISIBLE_LINE);
        printf("voice    microphone %s, %u samples a second, %d channel%s\n", name.data,
               (unsigned)format.rate, format.channels, format.channels == 1 ? "" : "s");
        str_finish(&name);
        driver->close(driver);
    } else {
        printf("voice    %s\n", err.text);
    }
    bool found;
    const char *program = speaker_program(config_list(config, OPTION_VOICE_COMMAND), &found);
    printf("         answers are spoken by %s%s\n", program, found ? "" : ", which is not there");
}
