/* Any bytes as the head of a proxy's client, and as the first bytes of TLS. What is read must hold
 * what was promised of it: no control character or blank in the host, one line end for each line of
 * the head that is sent on, a Host that is the URI's. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#include "client_hello.h"
#include "proxy_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const struct proxy_head *head, const struct str *sent)
{
    assert(head->host[0] != '\0' && head->port > 0 && head->port <= 65535);
    for (const char *c = head->host; *c != '\0'; c++) {
        assert(*c > ' ' && *c < 0x7F && *c != '@' && *c != '/');
    }
    assert(strlen(sent->data) == sent->length);
    if (head->connect) {
        assert(sent->length == 0);
        return;
    }
    assert(str_ends_with(sent->data, "\r\n\r\n"));
    assert(strstr(sent->data, "\r\n\r\n") == sent->data + sent->length - 4);
    const char *host = strstr(sent->data, "\r\nHost: ");
    assert(host != NULL && strncmp(host + 8, head->host, strlen(head->host)) == 0);
    assert(strstr(host + 8, "\r\nHost: ") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[CLIENT_HELLO_NAME_SIZE];
    if (client_hello_read(data, size, name) == CLIENT_HELLO_NAMED) {
        assert(name[0] != '\0' && strlen(name) < sizeof name);
    }
    struct proxy_head head;
    struct str sent;
    str_init(&sent);
    size_t length = proxy_head_length((const char *)data, size);
    if (length > 0 && proxy_head_read((const char *)data, length, &head, &sent) == NULL) {
        check_head(&head, &sent);
    }
    str_finish(&sent);
    return 0;
}
