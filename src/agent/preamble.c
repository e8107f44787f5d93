/* preamble: fills in the two places of the system text.
 *
 * One pass over the template. What the renderer strips at the ends (the file's last newline) stays
 * here: the text is the file's, the trimming is the format's.
 */
#include "agent/preamble.h"

#include <string.h>

#include "base/str.h"
#include "base/visible.h"
#include "prompts.h"

const char *preamble_template(void)
{
    return prompts_system;
}

void preamble_append(struct str *out, const char *template, const char *workspace, const char *date)
{
    const struct {
        const char *name, *value;
    } places[] = {{"{workspace}", workspace}, {"{date}", date}};
    const char *text = template != NULL ? template : prompts_system;

    while (*text != '\0') {
        const char *value = NULL;
        for (size_t i = 0; i < sizeof places / sizeof places[0] && value == NULL; i++) {
            if (str_starts_with(text, places[i].name)) {
                value = places[i].value;
                text += strlen(places[i].name);
            }
        }
        if (value != NULL) {
            visible_append(out, value, strlen(value), VISIBLE_LINE);
        } else {
            str_append_char(out, *text++);
        }
    }
}
