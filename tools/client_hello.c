#include "client_hello.h"

#include <stdbool.h>
#include <string.h>

enum {
    HANDSHAKE_RECORD = 22,
    CLIENT_HELLO = 1,
    SERVER_NAME = 0,
    HOST_NAME = 0,
    RECORD_HEAD = 5,
    MESSAGE_HEAD = 4,
    MESSAGE_MOST = CLIENT_HELLO_LIMIT - RECORD_HEAD
};

struct reader {
    const unsigned char *at;
    size_t left;
    bool broken;
};

static size_t number(struct reader *reader, size_t bytes)
{
    size_t value = 0;
    if (reader->left < bytes) {
        reader->broken = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | reader->at[i];
    }
    reader->at += bytes;
    reader->left -= bytes;
    return value;
}

/* Takes `length` bytes off as a reader of their own. */
static struct reader part(struct reader *reader, size_t length)
{
    struct reader inner = {reader->at, length, false};
    if (reader->broken || reader->left < length) {
        reader->broken = true;
        return (struct reader){.broken = true};
    }
    reader->at += length;
    reader->left -= length;
    return inner;
}

/* A piece with its length before it, in so many bytes. */
static struct reader counted(struct reader *reader, size_t bytes)
{
    size_t length = number(reader, bytes);
    return part(reader, length);
}

static enum client_hello read_name(struct reader extension, char *name)
{
    struct reader list = counted(&extension, 2);
    size_t kind = number(&list, 1);
    struct reader text = counted(&list, 2);
    /* One name, of the one kind that there is. */
    if (extension.broken || list.broken || kind != HOST_NAME || text.left == 0 || list.left != 0 ||
        text.left >= CLIENT_HELLO_NAME_SIZE || memchr(text.at, '\0', text.left) != NULL) {
        return CLIENT_HELLO_BROKEN;
    }
    memcpy(name, text.at, text.left);
    name[text.left] = '\0';
    return CLIENT_HELLO_NAMED;
}

static enum client_hello read_extensions(struct reader extensions, char *name)
{
    enum client_hello found = CLIENT_HELLO_NAMELESS;
    while (extensions.left > 0 && !extensions.broken) {
        size_t kind = number(&extensions, 2);
        struct reader extension = counted(&extensions, 2);
        if (!extensions.broken && kind == SERVER_NAME) {
            /* Said twice, two readers could take another one. */
            found =
                found == CLIENT_HELLO_NAMELESS ? read_name(extension, name) : CLIENT_HELLO_BROKEN;
        }
    }
    return extensions.broken ? CLIENT_HELLO_BROKEN : found;
}

static enum client_hello read_hello(struct reader hello, char *name)
{
    number(&hello, 2);
    part(&hello, 32);   /* random */
    counted(&hello, 1); /* session */
    counted(&hello, 2); /* ciphers */
    counted(&hello, 1); /* compression */
    if (hello.broken) {
        return CLIENT_HELLO_BROKEN;
    }
    if (hello.left == 0) {
        return CLIENT_HELLO_NAMELESS;
    }
    struct reader extensions = counted(&hello, 2);
    return hello.broken ? CLIENT_HELLO_BROKEN : read_extensions(extensions, name);
}

/* Takes the next record's content; false: `found` says why there is none. */
static bool take_record(struct reader *all, struct reader *content, enum client_hello *found)
{
    *found = CLIENT_HELLO_BROKEN;
    if (all->left > 0 && all->at[0] != HANDSHAKE_RECORD) {
        return false; /* nothing else may come between the pieces of a message */
    }
    number(all, 1);
    number(all, 2); /* of the record's version nothing is known that would help */
    size_t length = number(all, 2);
    if (!all->broken && (length == 0 || length > MESSAGE_MOST)) {
        return false;
    }
    *content = part(all, length);
    *found = CLIENT_HELLO_UNFINISHED;
    return !all->broken;
}

enum client_hello client_hello_read(const unsigned char *bytes, size_t length,
                                    char name[CLIENT_HELLO_NAME_SIZE])
{
    struct reader all = {bytes, length, false}, content;
    unsigned char text[MESSAGE_MOST];
    size_t gathered = 0;
    enum client_hello found;
    if (length > 0 && bytes[0] != HANDSHAKE_RECORD) {
        return CLIENT_HELLO_OTHER;
    }
    while (take_record(&all, &content, &found)) {
        if (content.left > MESSAGE_MOST - gathered) {
            return CLIENT_HELLO_BROKEN;
        }
        memcpy(text + gathered, content.at, content.left);
        gathered += content.left;
        struct reader message = {text, gathered, false};
        if (number(&message, 1) != CLIENT_HELLO) {
            return CLIENT_HELLO_BROKEN;
        }
        size_t announced = number(&message, 3);
        if (!message.broken && announced <= message.left) {
            return read_hello(part(&message, announced), name);
        }
        if (announced > MESSAGE_MOST - MESSAGE_HEAD) {
            return CLIENT_HELLO_BROKEN;
        }
    }
    return found;
}
