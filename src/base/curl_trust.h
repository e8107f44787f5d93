/* curl_trust: whose signatures a transfer of the user's own believes, where the user's environment
 * says so: CURL_CA_BUNDLE or SSL_CERT_FILE, a file; SSL_CERT_DIR, a folder. Without them, the
 * system's. For transfers that the user asked for; what a model asks for (http_fetch) never sees
 * the environment.
 */
#ifndef CARAT_BASE_CURL_TRUST_H
#define CARAT_BASE_CURL_TRUST_H

#include <curl/curl.h>

/* What is named and cannot be read fails the transfer with a sentence: nothing else is believed in
 * its place. */
CURLcode curl_trust_apply(CURL *easy);

#endif
