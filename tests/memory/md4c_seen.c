/* md4c_seen: what md4c hands to a parser's functions, told to MemorySanitizer, as jansson_seen.c
 * does for jansson: the details of blocks and spans lie on md4c's stack, and addresses of links in
 * memory of its own. Text is ours, and is looked at as it is. */
#include <md4c.h>
#include <sanitizer/msan_interface.h>

/* The parser that was asked for, and its context. */
struct asked {
    const MD_PARSER *parser;
    void *context;
};

int __real_md_parse(const MD_CHAR *text, MD_SIZE size, const MD_PARSER *parser, void *context);
int __wrap_md_parse(const MD_CHAR *text, MD_SIZE size, const MD_PARSER *parser, void *context);

static void tell_attribute(const MD_ATTRIBUTE *attribute)
{
    __msan_unpoison(attribute->text, attribute->size);
}

static void tell_block(MD_BLOCKTYPE type, const void *detail)
{
    static const size_t sizes[] = {
        [MD_BLOCK_UL] = sizeof(MD_BLOCK_UL_DETAIL),
        [MD_BLOCK_OL] = sizeof(MD_BLOCK_OL_DETAIL),
        [MD_BLOCK_LI] = sizeof(MD_BLOCK_LI_DETAIL),
        [MD_BLOCK_H] = sizeof(MD_BLOCK_H_DETAIL),
        [MD_BLOCK_CODE] = sizeof(MD_BLOCK_CODE_DETAIL),
        [MD_BLOCK_TABLE] = sizeof(MD_BLOCK_TABLE_DETAIL),
        [MD_BLOCK_TH] = sizeof(MD_BLOCK_TD_DETAIL),
        [MD_BLOCK_TD] = sizeof(MD_BLOCK_TD_DETAIL),
    };
    if (detail != NULL && type < sizeof sizes / sizeof sizes[0]) {
        __msan_unpoison(detail, sizes[type]);
    }
    if (type == MD_BLOCK_CODE) {
        tell_attribute(&((const MD_BLOCK_CODE_DETAIL *)detail)->info);
        tell_attribute(&((const MD_BLOCK_CODE_DETAIL *)detail)->lang);
    }
}

static void tell_span(MD_SPANTYPE type, const void *detail)
{
    if (type == MD_SPAN_A) {
        __msan_unpoison(detail, sizeof(MD_SPAN_A_DETAIL));
        tell_attribute(&((const MD_SPAN_A_DETAIL *)detail)->href);
    } else if (type == MD_SPAN_IMG) {
        __msan_unpoison(detail, sizeof(MD_SPAN_IMG_DETAIL));
        tell_attribute(&((const MD_SPAN_IMG_DETAIL *)detail)->src);
    }
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *context)
{
    const struct asked *asked = context;
    tell_block(type, detail);
    return asked->parser->enter_block(type, detail, asked->context);
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *context)
{
    const struct asked *asked = context;
    tell_block(type, detail);
    return asked->parser->leave_block(type, detail, asked->context);
}

static int enter_span(MD_SPANTYPE type, void *detail, void *context)
{
    const struct asked *asked = context;
    tell_span(type, detail);
    return asked->parser->enter_span(type, detail, asked->context);
}

static int leave_span(MD_SPANTYPE type, void *detail, void *context)
{
    const struct asked *asked = context;
    tell_span(type, detail);
    return asked->parser->leave_span(type, detail, asked->context);
}

static int text(MD_TEXTTYPE type, const MD_CHAR *bytes, MD_SIZE size, void *context)
{
    const struct asked *asked = context;
    return asked->parser->text(type, bytes, size, asked->context);
}

int __wrap_md_parse(const MD_CHAR *bytes, MD_SIZE size, const MD_PARSER *parser, void *context)
{
    const MD_PARSER between = {.flags = parser->flags,
                               .enter_block = enter_block,
                               .leave_block = leave_block,
                               .enter_span = enter_span,
                               .leave_span = leave_span,
                               .text = text};
    struct asked asked = {parser, context};
    return __real_md_parse(bytes, size, &between, &asked);
}
