/* xml_late: libxml2, loaded when a page is read; it brings ICU's tables along (base/late.h).
 *
 * Only the functions that xml_late.c defines can be called, and none before xml_late_load has said
 * true.
 */
#ifndef CARAT_TOOLS_XML_LATE_H
#define CARAT_TOOLS_XML_LATE_H

#include <stdbool.h>

struct err;

/* Quick once it has succeeded. ERR_UNAVAILABLE where there is no libxml2. */
bool xml_late_load(struct err *err);

#endif
