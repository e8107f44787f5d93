/* curl_late: libcurl, loaded when something is fetched. It brings thirty libraries along.
 *
 * <curl/curl.h> says what there is; only the functions that curl_late.c defines can be called, and
 * none before curl_late_load has said true (curl_easy_init, curl_multi_init, curl_url and
 * curl_global_init fail until then, as they do without memory).
 */
#ifndef CARAT_BASE_CURL_LATE_H
#define CARAT_BASE_CURL_LATE_H

#include <stdbool.h>

struct err;

/* Any thread; quick once it has succeeded. ERR_UNAVAILABLE where there is no libcurl. */
bool curl_late_load(struct err *err);

#endif
