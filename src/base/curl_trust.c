#include "base/curl_trust.h"

#include <stdlib.h>

CURLcode curl_trust_apply(CURL *easy)
{
    static const struct {
        const char *variable;
        CURLoption option;
    } variables[] = {
        /* A later one wins, and the more special one is later. */
        {"SSL_CERT_FILE", CURLOPT_CAINFO},
        {"CURL_CA_BUNDLE", CURLOPT_CAINFO},
        {"SSL_CERT_DIR", CURLOPT_CAPATH},
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i].variable);
        if (code == CURLE_OK && value != NULL && value[0] != '\0') {
            code = curl_easy_setopt(easy, variables[i].option, value);
        }
    }
    return code;
}
