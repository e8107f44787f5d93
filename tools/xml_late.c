#include "xml_late.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>

#include "base/late.h"

/* Structs of the headers are filled in here, so the library must be of their own kind. */
#if LIBXML_VERSION >= 21400
#define XML_LIBRARY "libxml2.so.16"
#else
#define XML_LIBRARY "libxml2.so.2"
#endif

static struct {
    void (*stop)(xmlParserCtxtPtr parser);
    htmlParserCtxtPtr (*create)(const char *text, int size);
    int (*use_options)(htmlParserCtxtPtr parser, int options);
    xmlCharEncodingHandlerPtr (*find_encoding)(const char *name);
    int (*switch_to)(xmlParserCtxtPtr parser, xmlCharEncodingHandlerPtr encoding);
    int (*parse)(htmlParserCtxtPtr parser);
    void (*free)(htmlParserCtxtPtr parser);
} real;

static const struct late_symbol symbols[] = {
    {"xmlStopParser", &real.stop},
    {"htmlCreateMemoryParserCtxt", &real.create},
    {"htmlCtxtUseOptions", &real.use_options},
    {"xmlFindCharEncodingHandler", &real.find_encoding},
    {"xmlSwitchToEncoding", &real.switch_to},
    {"htmlParseDocument", &real.parse},
    {"htmlFreeParserCtxt", &real.free},
};

static struct late_library library = {
    .file = XML_LIBRARY,
    .symbols = symbols,
    .count = sizeof symbols / sizeof symbols[0],
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

bool xml_late_load(struct err *err)
{
    return late_load(&library, err);
}

/* --- libxml2's functions under their own names --- */

void xmlStopParser(xmlParserCtxtPtr parser)
{
    real.stop(parser);
}

htmlParserCtxtPtr htmlCreateMemoryParserCtxt(const char *text, int size)
{
    return real.create(text, size);
}

int htmlCtxtUseOptions(htmlParserCtxtPtr parser, int options)
{
    return real.use_options(parser, options);
}

xmlCharEncodingHandlerPtr xmlFindCharEncodingHandler(const char *name)
{
    return real.find_encoding(name);
}

int xmlSwitchToEncoding(xmlParserCtxtPtr parser, xmlCharEncodingHandlerPtr encoding)
{
    return real.switch_to(parser, encoding);
}

int htmlParseDocument(htmlParserCtxtPtr parser)
{
    return real.parse(parser);
}

void htmlFreeParserCtxt(htmlParserCtxtPtr parser)
{
    real.free(parser);
}
