/* notice: what commands say to a person, where no screen shows it.
 *
 * What a sentence quotes is foreign: a key of a project's file, a command, what a hook wrote. It
 * comes out as one line, and no byte of it as a control. Loop thread.
 */
#ifndef CARAT_APP_NOTICE_H
#define CARAT_APP_NOTICE_H

#include <stdbool.h>
#include <stddef.h>

struct config_list;

/* On standard error. */

void notice_print(const char *sentence);
/* All of them; the list is empty then. */
void notice_print_all(struct config_list *sentences);
void notice_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard output, which may quote likewise. */
void notice_show(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A whole foreign text on standard output: without controls on a terminal, as it is for a program.
 * False: it could not be written. */
bool notice_text(const char *text, size_t length);

#endif
