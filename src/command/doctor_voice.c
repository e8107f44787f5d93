#include "command/doctor_voice.h"

#include "app/notice.h"
#include "app/speaker.h"
#include "base/err.h"
#include "config/config.h"
#include "voice/sound_system.h"

void doctor_voice_print(const struct config *config)
{
    struct microphone_driver *driver = sound_system_driver();
    struct microphone_format format;
    struct err err;
    if (driver->open(driver, &format, &err)) {
        notice_show("voice    microphone %s, %u samples a second, %d channel%s", format.name,
                    (unsigned)format.rate, format.channels, format.channels == 1 ? "" : "s");
        driver->close(driver);
    } else {
        notice_show("voice    %s", err.text);
    }
    bool found;
    const char *program = speaker_program(config_list(config, OPTION_VOICE_COMMAND), &found);
    notice_show("         answers are spoken by %s%s", program,
                found ? "" : ", which is not there");
}
