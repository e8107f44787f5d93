#include "desktop/display.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static bool named(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

enum display_kind display_kind(void)
{
    return named("WAYLAND_DISPLAY") ? DISPLAY_WAYLAND
           : named("DISPLAY")       ? DISPLAY_X11
                                    : DISPLAY_NONE;
}
