/* slash_settings: the /commands that show this run's settings, or change them until it ends.
 *
 * What they change is never written to a file: /config says which file does that.
 */
#ifndef CARAT_SCREEN_SLASH_SETTINGS_H
#define CARAT_SCREEN_SLASH_SETTINGS_H

struct screen;

void slash_settings_theme(struct screen *screen, const char *argument);
void slash_settings_vim(struct screen *screen, const char *argument);
void slash_settings_raw(struct screen *screen, const char *argument);
void slash_settings_permissions(struct screen *screen, const char *argument);
void slash_settings_add_dir(struct screen *screen, const char *argument);
void slash_settings_tools(struct screen *screen, const char *argument);
void slash_settings_memory(struct screen *screen, const char *argument);
void slash_settings_config(struct screen *screen, const char *argument);

#endif
