#include "html_text.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#include "capped.h"
#include "xml_late.h"

enum html_role {
    ROLE_INLINE,
    ROLE_SKIP,      /* with everything inside */
    ROLE_LINE,      /* begins and ends a line */
    ROLE_PARAGRAPH, /* with an empty line around */
    ROLE_LIST,
    ROLE_NUMBERED,
    ROLE_ITEM,
    ROLE_ROW,
    ROLE_CELL,
    ROLE_PRE,
    ROLE_BREAK,
    ROLE_IMAGE,
    ROLE_LINK,
    ROLE_BASE,
};

static const struct role_row {
    const char *name;
    enum html_role role;
} roles[] = {
    {"script", ROLE_SKIP},
    {"style", ROLE_SKIP},
    {"template", ROLE_SKIP},
    {"noscript", ROLE_SKIP},
    {"svg", ROLE_SKIP},
    {"math", ROLE_SKIP},
    {"iframe", ROLE_SKIP},
    {"object", ROLE_SKIP},
    {"select", ROLE_SKIP},
    {"textarea", ROLE_SKIP},
    {"title", ROLE_PARAGRAPH},
    {"p", ROLE_PARAGRAPH},
    {"h1", ROLE_PARAGRAPH},
    {"h2", ROLE_PARAGRAPH},
    {"h3", ROLE_PARAGRAPH},
    {"h4", ROLE_PARAGRAPH},
    {"h5", ROLE_PARAGRAPH},
    {"h6", ROLE_PARAGRAPH},
    {"blockquote", ROLE_PARAGRAPH},
    {"table", ROLE_PARAGRAPH},
    {"ul", ROLE_LIST},
    {"ol", ROLE_NUMBERED},
    {"dl", ROLE_LINE},
    {"dt", ROLE_LINE},
    {"dd", ROLE_LINE},
    {"div", ROLE_LINE},
    {"section", ROLE_LINE},
    {"article", ROLE_LINE},
    {"header", ROLE_LINE},
    {"footer", ROLE_LINE},
    {"main", ROLE_LINE},
    {"nav", ROLE_LINE},
    {"aside", ROLE_LINE},
    {"form", ROLE_LINE},
    {"figure", ROLE_LINE},
    {"figcaption", ROLE_LINE},
    {"caption", ROLE_LINE},
    {"tr", ROLE_ROW},
    {"hr", ROLE_LINE},
    {"li", ROLE_ITEM},
    {"td", ROLE_CELL},
    {"th", ROLE_CELL},
    {"pre", ROLE_PRE},
    {"br", ROLE_BREAK},
    {"img", ROLE_IMAGE},
    {"a", ROLE_LINK},
    {"base", ROLE_BASE},
};

/* libxml2 looks through all open elements at each closing tag that fits none. With pages of a
 * million such tags only a bound on the depth keeps that from taking minutes. */
enum { DEPTH_LIMIT = 256, LISTS_LIMIT = 32, NUMBER_LIMIT = 1000000 };

enum { NOT_NUMBERED = -1 };

struct reduction {
    struct capped *out;
    htmlParserCtxtPtr parser;
    int depth;                /* of open elements */
    int skipping;             /* depth of ROLE_SKIP elements */
    int preserving;           /* depth of <pre> */
    int newlines;             /* owed before the next word */
    bool blank;               /* a space is owed */
    bool cell;                /* the row has a cell already: " | " is owed */
    bool fresh;               /* the cell has no word yet: no line begins in it */
    size_t row;               /* where the row begins */
    int hidden;               /* depth of the element that is not shown; 0 = none */
    int lists;                /* depth of lists */
    int numbers[LISTS_LIMIT]; /* of the last item of each; NOT_NUMBERED */
    bool full;
    const struct html_text_links *links; /* NULL = addresses are not shown */
    char address[HTML_TEXT_LINK + 1];    /* of the open link; "" = none */
    size_t words;                        /* where the link's text begins */
};

static enum html_role role_of(const xmlChar *name)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp((const char *)name, roles[i].name) == 0) {
            return roles[i].role;
        }
    }
    return ROLE_INLINE;
}

static void stop(struct reduction *reduction)
{
    reduction->full = true;
    xmlStopParser(reduction->parser);
}

/* Writes what is owed, then as much of the word as fits. */
static void put(struct reduction *reduction, const char *word, size_t length)
{
    struct capped *out = reduction->out;
    const char *before = "";
    if (reduction->newlines > 0) {
        before = reduction->newlines > 1 ? "\n\n" : "\n";
    } else if (reduction->blank) {
        before = " ";
    }
    if (out->length == 0) {
        before = "";
    }
    reduction->newlines = 0;
    reduction->blank = reduction->fresh = false;
    if (!capped_add(out, before, strlen(before)) || capped_fill(out, word, length) < length) {
        stop(reduction);
    }
}

static void owe_newlines(struct reduction *reduction, int count)
{
    if (!reduction->fresh) {
        reduction->newlines = reduction->newlines < count ? count : reduction->newlines;
    }
}

/* What blocks in the cell before owe counts for nothing: the row goes on. */
static void begin_cell(struct reduction *reduction)
{
    if (reduction->cell) {
        if (reduction->out->length > reduction->row) {
            reduction->newlines = 0;
        }
        reduction->blank = false;
        put(reduction, " | ", 3);
    }
    reduction->cell = reduction->fresh = true;
}

static void begin_list(struct reduction *reduction, int before_first)
{
    owe_newlines(reduction, 1);
    if (reduction->lists < LISTS_LIMIT) {
        reduction->numbers[reduction->lists] = before_first;
    }
    reduction->lists++;
}

static void begin_item(struct reduction *reduction)
{
    char mark[16] = "- ";
    int place = reduction->lists - 1;
    owe_newlines(reduction, 1);
    if (place >= 0 && place < LISTS_LIMIT && reduction->numbers[place] != NOT_NUMBERED &&
        reduction->numbers[place] < NUMBER_LIMIT) {
        snprintf(mark, sizeof mark, "%d. ", ++reduction->numbers[place]);
    }
    put(reduction, mark, strlen(mark));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void characters(void *context, const xmlChar *text, int length)
{
    struct reduction *reduction = context;
    const char *at = (const char *)text, *end = at + length;
    if (reduction->skipping > 0 || reduction->full) {
        return;
    }
    if (reduction->preserving > 0) {
        put(reduction, at, (size_t)length);
        return;
    }
    while (at < end && !reduction->full) {
        const char *word = at;
        while (at < end && !is_blank(*at)) {
            at++;
        }
        if (at > word) {
            put(reduction, word, (size_t)(at - word));
        }
        while (at < end && is_blank(*at)) {
            reduction->blank = !reduction->fresh;
            at++;
        }
    }
}

static void picture(struct reduction *reduction, const xmlChar **attributes)
{
    for (size_t i = 0; attributes != NULL && attributes[i] != NULL; i += 2) {
        const xmlChar *value = attributes[i + 1];
        if (strcmp((const char *)attributes[i], "alt") == 0 && value != NULL && value[0] != '\0') {
            size_t length = strlen((const char *)value);
            characters(reduction, (const xmlChar *)"[", 1);
            characters(reduction, value, length > INT_MAX ? INT_MAX : (int)length);
            characters(reduction, (const xmlChar *)"]", 1);
        }
    }
}

static const char *attribute(const xmlChar **attributes, const char *name)
{
    for (size_t i = 0; attributes != NULL && attributes[i] != NULL; i += 2) {
        if (strcmp((const char *)attributes[i], name) == 0) {
            return (const char *)attributes[i + 1];
        }
    }
    return NULL;
}

/* The number before a list's first one. */
static int list_start(const xmlChar **attributes)
{
    const char *start = attribute(attributes, "start");
    long number = start != NULL ? strtol(start, NULL, 10) : 1;
    return number >= 1 && number < NUMBER_LIMIT ? (int)number - 1 : 0;
}

/* What a browser does not show: the hidden attribute, display:none. Of the whole page it is a
 * script's way to show it later. */
static bool is_hidden(const char *name, const xmlChar **attributes)
{
    const char *style = attribute(attributes, "style");
    if (strcmp(name, "html") == 0 || strcmp(name, "body") == 0) {
        return false;
    }
    for (size_t i = 0; attributes != NULL && attributes[i] != NULL; i += 2) {
        const char *value = (const char *)attributes[i + 1];
        if (strcmp((const char *)attributes[i], "hidden") == 0) {
            return value == NULL || strcasecmp(value, "until-found") != 0;
        }
    }
    const char *display = style != NULL ? strcasestr(style, "display") : NULL;
    if (display == NULL) {
        return false;
    }
    display += strlen("display");
    display += strspn(display, " \t\r\n");
    return *display == ':' &&
           strncasecmp(display + 1 + strspn(display + 1, " \t\r\n"), "none", 4) == 0;
}

static void begin_link(struct reduction *reduction, const char *target)
{
    const struct html_text_links *links = reduction->links;
    reduction->address[0] = '\0';
    reduction->words = reduction->out->length;
    if (links != NULL && target != NULL && target[0] != '\0' && target[0] != '#' &&
        !links->resolve(links->context, target, reduction->address)) {
        reduction->address[0] = '\0';
    }
}

/* All of the address or none: half of it would be another one. */
static void end_link(struct reduction *reduction)
{
    struct capped *out = reduction->out;
    size_t start = reduction->words, length = strlen(reduction->address);
    while (start < out->length && is_blank(out->data[start])) {
        start++;
    }
    bool says_itself =
        out->length - start == length && memcmp(out->data + start, reduction->address, length) == 0;
    if (length > 0 && start < out->length && !says_itself && !reduction->full &&
        !capped_format(out, " (%s)", reduction->address)) {
        stop(reduction);
    }
    reduction->address[0] = '\0';
}

static void start_element(void *context, const xmlChar *name, const xmlChar **attributes)
{
    struct reduction *reduction = context;
    enum html_role role = role_of(name);
    if (++reduction->depth > DEPTH_LIMIT) {
        stop(reduction);
    }
    if (role == ROLE_SKIP) {
        reduction->skipping++;
    }
    if (reduction->hidden == 0 && is_hidden((const char *)name, attributes)) {
        reduction->hidden = reduction->depth;
        reduction->skipping++;
    }
    if (reduction->skipping > 0 || reduction->full) {
        return;
    }
    switch (role) {
    case ROLE_LINE:
        owe_newlines(reduction, 1);
        break;
    case ROLE_PARAGRAPH:
        owe_newlines(reduction, 2);
        break;
    case ROLE_LIST:
        begin_list(reduction, NOT_NUMBERED);
        break;
    case ROLE_NUMBERED:
        begin_list(reduction, list_start(attributes));
        break;
    case ROLE_ITEM:
        begin_item(reduction);
        break;
    case ROLE_ROW:
        owe_newlines(reduction, 1);
        reduction->cell = false;
        reduction->row = reduction->out->length;
        break;
    case ROLE_CELL:
        begin_cell(reduction);
        break;
    case ROLE_PRE:
        owe_newlines(reduction, 1);
        reduction->preserving++;
        break;
    case ROLE_BREAK:
        owe_newlines(reduction, 1);
        break;
    case ROLE_IMAGE:
        picture(reduction, attributes);
        break;
    case ROLE_LINK:
        begin_link(reduction, attribute(attributes, "href"));
        break;
    case ROLE_BASE:
        if (reduction->links != NULL && attribute(attributes, "href") != NULL) {
            reduction->links->rebase(reduction->links->context, attribute(attributes, "href"));
        }
        break;
    case ROLE_SKIP:
    case ROLE_INLINE:
        break;
    }
}

static void end_element(void *context, const xmlChar *name)
{
    struct reduction *reduction = context;
    enum html_role role = role_of(name);
    bool hid = reduction->hidden > 0 && reduction->hidden == reduction->depth;
    if (hid) {
        reduction->hidden = 0;
        reduction->skipping--;
    }
    reduction->depth--;
    if (role == ROLE_SKIP) {
        reduction->skipping -= reduction->skipping > 0;
    } else if (hid || reduction->skipping > 0) {
        return;
    } else if (role == ROLE_PRE) {
        reduction->preserving -= reduction->preserving > 0;
        owe_newlines(reduction, 1);
    } else if (role == ROLE_LINE || role == ROLE_ITEM) {
        owe_newlines(reduction, 1);
    } else if (role == ROLE_LIST || role == ROLE_NUMBERED) {
        owe_newlines(reduction, 1);
        reduction->lists -= reduction->lists > 0;
    } else if (role == ROLE_ROW || role == ROLE_CELL) {
        reduction->fresh = false;
        if (role == ROLE_ROW) {
            reduction->newlines = 1; /* no more than that, whatever its last cell held */
            reduction->cell = false;
        }
    } else if (role == ROLE_PARAGRAPH) {
        owe_newlines(reduction, 2);
    } else if (role == ROLE_LINK && reduction->skipping == 0) {
        end_link(reduction);
    }
}

bool html_text_append(struct capped *out, const char *html, size_t size, bool utf8,
                      const struct html_text_links *links, bool *complete)
{
    xmlCharEncodingHandlerPtr encoding = NULL;
    *complete = true;
    if (size == 0) {
        return true;
    }
    if (size > INT_MAX) {
        *complete = false;
        size = INT_MAX;
    }
    /* Given by length, not by NUL; the parser copies what it needs. */
    htmlParserCtxtPtr parser =
        xml_late_load(NULL) ? htmlCreateMemoryParserCtxt(html, (int)size) : NULL;
    if (parser == NULL) {
        return false;
    }
    struct reduction reduction = {.out = out, .parser = parser, .links = links};
    htmlSAXHandler handler = {
        .startElement = start_element,
        .endElement = end_element,
        .characters = characters,
        .ignorableWhitespace = characters,
        /* Contents of <script> and <style>; nothing hears of comments or entities. */
        .cdataBlock = NULL,
    };
    /* The parser owns its handler table and frees it; fill it instead of exchanging it. What is
     * NULL is not called: the default callbacks would take `reduction` for a parser. */
    handler.initialized = parser->sax->initialized;
    memcpy(parser->sax, &handler, sizeof handler);
    parser->userData = &reduction;
    htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                   HTML_PARSE_NONET | HTML_PARSE_COMPACT | HTML_PARSE_IGNORE_ENC);
    /* Always given: else the parser looks for a name in the page. */
    encoding = xmlFindCharEncodingHandler(utf8 || utf8_valid(html, size) ? "UTF-8" : "ISO-8859-1");
    if (encoding != NULL) {
        xmlSwitchToEncoding(parser, encoding);
    }
    htmlParseDocument(parser);
    *complete = *complete && !reduction.full;
    htmlFreeParserCtxt(parser);
    return true;
}
