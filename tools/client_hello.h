/* client_hello: the name of the server in the first message of TLS.
 *
 * The form of a ClientHello is RFC 8446, section 4.1.2; the extension with the name RFC 6066,
 * section 3. Read only as far as that name, with every length checked, and put together where it
 * comes in several records, as one with the large keys of newer methods may. Pure.
 */
#ifndef CARAT_TOOLS_CLIENT_HELLO_H
#define CARAT_TOOLS_CLIENT_HELLO_H

#include <stddef.h>

enum client_hello {
    CLIENT_HELLO_UNFINISHED, /* more bytes are needed to tell */
    CLIENT_HELLO_OTHER,      /* this is not TLS */
    CLIENT_HELLO_BROKEN,     /* it begins as TLS and is no ClientHello, or one too long */
    CLIENT_HELLO_NAMELESS,
    CLIENT_HELLO_NAMED,
};

/* So long is a record with its head at most, and all records of one ClientHello together. */
enum { CLIENT_HELLO_LIMIT = 16 * 1024 + 5, CLIENT_HELLO_NAME_SIZE = 256 };

enum client_hello client_hello_read(const unsigned char *bytes, size_t length,
                                    char name[CLIENT_HELLO_NAME_SIZE]);

#endif
