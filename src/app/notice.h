/* notice: a sentence for a person on standard error, where no screen shows it.
 *
 * What a sentence quotes is foreign: a key of a project's file, a command, what a hook wrote. It
 * comes out as one line, and no byte of it as a control. Loop thread.
 */
#ifndef CARAT_APP_NOTICE_H
#define CARAT_APP_NOTICE_H

struct config_list;

void notice_print(const char *sentence);
/* All of them; the list is empty then. */
void notice_print_all(struct config_list *sentences);

#endif
