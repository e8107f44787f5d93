/* url_rule: rule and address are taken apart in the same way, and everything odd (a user before
 * '@', a backslash, a byte beyond ASCII, an address in an odd spelling) ends the reading. */
#include "approval/url_rule.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "approval/path_spelling.h"
#include "base/str.h"

enum { HOST_SIZE = 256, URL_SIZE = 8192 };

struct place {
    char host[HOST_SIZE]; /* lower case, without the root's dot */
    int port;             /* 0: a rule that names none */
    int usual_port;       /* of the scheme; 0: a rule that names none */
    bool beneath;         /* the rule's "*." */
    const char *path;     /* from the slash, "" without one */
    const char *query;    /* of an address: from the '?', or what is no query */
};

static const struct {
    const char *name;
    int port;
} schemes[] = {{"http://", 80}, {"https://", 443}};

/* Behind the scheme; the text itself without one. */
static const char *skip_scheme(const char *text, struct place *place)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].name);
        if (strncasecmp(text, schemes[i].name, length) == 0) {
            place->usual_port = schemes[i].port;
            return text + length;
        }
    }
    return text;
}

static bool host_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static bool is_number(const char *label)
{
    bool hex = str_starts_with(label, "0x");
    return hex ? label[2 + strspn(label + 2, "0123456789abcdef")] == '\0'
               : label[0] != '\0' && label[strspn(label, "0123456789")] == '\0';
}

/* An address in another spelling than the usual one, which says the same to a client: 0x7f.1,
 * 2130706433, 0177.0.0.1, [::ffff:127.0.0.1]. */
static bool odd_address(const char *host)
{
    char usual[INET6_ADDRSTRLEN], address[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr six;
    size_t length = strlen(host);
    const char *dot = strrchr(host, '.');
    if (host[0] != '[') {
        return is_number(dot != NULL ? dot + 1 : host) &&
               (inet_pton(AF_INET, host, &four) != 1 ||
                inet_ntop(AF_INET, &four, usual, sizeof usual) == NULL || strcmp(usual, host) != 0);
    }
    if (length < 3 || length - 2 >= sizeof address || dot != NULL) {
        return true;
    }
    memcpy(address, host + 1, length - 2);
    address[length - 2] = '\0';
    return inet_pton(AF_INET6, address, &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six) ||
           inet_ntop(AF_INET6, &six, usual, sizeof usual) == NULL || strcmp(usual, address) != 0;
}

/* "HOST", "[ADDRESS]", with ":PORT" or without. */
static bool read_authority(const char **text, struct place *place)
{
    const char *at = *text;
    size_t length = 0;
    bool bracket = *at == '[';
    for (; *at != '\0' && strchr("/?#", *at) == NULL && (bracket || *at != ':'); at++) {
        char c = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
        bool fits = host_character(c) || (bracket && strchr("[]:", c) != NULL);
        if (!fits || length + 1 >= sizeof place->host) {
            return false;
        }
        place->host[length++] = c;
        if (c == ']') {
            at++;
            break;
        }
    }
    bool closed = !bracket || (length > 0 && place->host[length - 1] == ']');
    length -= length > 1 && place->host[length - 1] == '.';
    place->host[length] = '\0';
    if (*at == ':') {
        size_t digits = strspn(++at, "0123456789");
        if (digits == 0 || digits > 5 || sscanf(at, "%5d", &place->port) != 1) {
            return false;
        }
        at += digits;
    }
    *text = at;
    return closed && length > 0 && strchr("/?#", *at) != NULL && !odd_address(place->host);
}

static bool read_url(const char *url, size_t length, char text[URL_SIZE], struct place *place)
{
    *place = (struct place){0};
    if (length >= URL_SIZE) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c <= 0x20 || c >= 0x7F || c == '\\') {
            return false;
        }
        text[i] = url[i];
    }
    text[length] = '\0';
    const char *at = skip_scheme(text, place);
    if (place->usual_port == 0 || !read_authority(&at, place)) {
        return false;
    }
    place->port = place->port != 0 ? place->port : place->usual_port;
    place->path = *at == '/' ? at : "/";
    place->query = at + strcspn(at, "?#");
    return true;
}

static bool read_rule(const char *rule, struct place *place)
{
    *place = (struct place){0};
    const char *at = skip_scheme(rule, place);
    at += place->usual_port == 0 && str_starts_with(at, "domain:") ? strlen("domain:") : 0;
    place->beneath = str_starts_with(at, "*.");
    at += place->beneath ? 2 : 0;
    if (!read_authority(&at, place)) {
        return false;
    }
    place->path = at;
    size_t length = strlen(at);
    /* A host ends there; of a path all but the last character is literal. */
    return place->usual_port == 0
               ? length == 0
               : length > 1 && strchr(at, '*') == at + length - 1 && at[0] == '/';
}

bool url_rule_is_pattern(const char *rule)
{
    return strstr(rule, "://") == NULL || strchr(rule, '*') != NULL;
}

bool url_rule_is_valid(const char *rule)
{
    struct place place;
    return !url_rule_is_pattern(rule) || read_rule(rule, &place);
}

static bool is_beneath(const char *host, const char *above)
{
    size_t length = strlen(host), end = strlen(above);
    return length > end + 1 && host[length - end - 1] == '.' &&
           strcmp(host + length - end, above) == 0;
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* Without "%41"; in a query '+' is a blank. */
static void append_decoded(struct str *out, const char *text, size_t length, bool query)
{
    for (size_t i = 0; i < length; i++) {
        int high = text[i] == '%' ? hex(text[i + 1]) : -1;
        int low = high >= 0 ? hex(text[i + 2]) : -1;
        char plain = query && text[i] == '+' ? ' ' : text[i];
        str_append_char(out, low >= 0 ? (char)(high * 16 + low) : plain);
        i += low >= 0 ? 2 : 0;
    }
}

/* Path and query in one spelling: without "%41", of the path dots and slashes twice or at the end,
 * and without what a server never sees. */
static void spell_path(const struct place *place, struct str *out)
{
    struct str plain;
    str_init(&plain);
    append_decoded(&plain, place->path, strcspn(place->path, "?#"), false);
    path_spelling_append(out, plain.data, plain.length);
    append_decoded(out, place->query, strcspn(place->query, "#"), true);
    str_finish(&plain);
}

/* One address against another. A rule without a query is of the page, whatever is asked of it. */
static bool same_address(const struct place *wanted, const struct place *given)
{
    struct str rule, path;
    str_init(&rule);
    str_init(&path);
    spell_path(wanted, &rule);
    spell_path(given, &path);
    char end = strncmp(path.data, rule.data, rule.length) == 0 ? path.data[rule.length] : '/';
    bool same = wanted->port == given->port && strcmp(wanted->host, given->host) == 0 &&
                (end == '\0' || (end == '?' && strchr(rule.data, '?') == NULL));
    str_finish(&rule);
    str_finish(&path);
    return same;
}

/* Of a rule that spells one address; where it is odd itself, only its very text is it. */
static bool exact_concerns(const char *rule, const char *url, size_t length)
{
    struct place wanted, given;
    char rule_text[URL_SIZE], text[URL_SIZE];
    return read_url(rule, strlen(rule), rule_text, &wanted) &&
           (!read_url(url, length, text, &given) || same_address(&wanted, &given));
}

bool url_rule_concerns(const char *rule, const char *url, size_t length)
{
    struct place wanted, given;
    char text[URL_SIZE];
    if (!url_rule_is_pattern(rule)) {
        return exact_concerns(rule, url, length);
    }
    if (!read_rule(rule, &wanted)) {
        return false;
    }
    if (!read_url(url, length, text, &given)) {
        return true; /* it cannot be told */
    }
    bool same = !wanted.beneath && strcmp(wanted.host, given.host) == 0;
    if (!(same || is_beneath(given.host, wanted.host)) ||
        (wanted.port != 0 && wanted.port != given.port)) {
        return false;
    }
    /* A path has many spellings, so that all of the host is concerned but what differs plainly. */
    size_t prefix = strlen(wanted.path);
    prefix -= prefix > 0;
    bool plain = strpbrk(given.path, "%.") == NULL && strstr(given.path, "//") == NULL;
    return !plain || strncmp(given.path, wanted.path, prefix) == 0;
}

bool url_rule_allows(const char *rule, const char *url, size_t length)
{
    struct place wanted, given;
    char text[URL_SIZE];
    if (!url_rule_is_pattern(rule) || !read_rule(rule, &wanted) ||
        !read_url(url, length, text, &given)) {
        return false;
    }
    bool host =
        wanted.beneath ? is_beneath(given.host, wanted.host) : strcmp(wanted.host, given.host) == 0;
    bool port = given.port == (wanted.port != 0 ? wanted.port : given.usual_port);
    bool scheme = wanted.usual_port == 0 || wanted.usual_port == given.usual_port;
    if (!host || !port || !scheme || wanted.path[0] == '\0') {
        return host && port && scheme;
    }
    bool plain = strchr(given.path, '%') == NULL && strstr(given.path, "..") == NULL;
    return plain && strncmp(given.path, wanted.path, strlen(wanted.path) - 1) == 0;
}
