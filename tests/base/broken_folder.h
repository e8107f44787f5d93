/* broken_folder: a folder that a broken disk gives a part of, in place of the C library's, by
 * whichever of its two names the compiler calls it. */
#ifndef CARAT_TESTS_BASE_BROKEN_FOLDER_H
#define CARAT_TESTS_BASE_BROKEN_FOLDER_H

#include <stdbool.h>

/* While it is set, reading a folder fails at the name "broken". */
extern bool is_broken;

#endif
