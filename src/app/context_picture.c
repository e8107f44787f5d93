#include "app/context_picture.h"

#include "base/str.h"

enum { CELLS = 60, PARTS = 7, BYTES_A_TOKEN = 4 };

struct part {
    const char *name;
    char letter;
    size_t tokens;
};

/* The parts as tokens: in proportion to their bytes, and summing up to what the model counted when
 * that is known. */
static size_t measure(const struct agent_context *context, struct part parts[PARTS])
{
    const struct part named[PARTS] = {{"system text", 'S', context->system},
                                      {"tools", 'T', context->tools},
                                      {"project's notes", 'I', context->instructions},
                                      {"skills", 'K', context->skills},
                                      {"summary", 'C', context->summary},
                                      {"messages", 'M', context->messages},
                                      {"results", 'R', context->results}};
    size_t bytes = 0;
    for (size_t i = 0; i < PARTS; i++) {
        parts[i] = named[i];
        bytes += named[i].tokens;
    }
    size_t used = context->used > 0 ? context->used : (bytes + BYTES_A_TOKEN - 1) / BYTES_A_TOKEN;
    for (size_t i = 0; i < PARTS && bytes > 0; i++) {
        parts[i].tokens = (size_t)((double)parts[i].tokens / (double)bytes * (double)used + 0.5);
    }
    return used;
}

/* A server may not say how much it can hold. */
static void append_used(struct str *out, const struct agent_context *context, size_t used)
{
    str_append_format(out, "%s%zu", context->used > 0 ? "" : "about ", used);
    if (context->size > 0) {
        str_append_format(out, " of %zu", context->size);
    }
    str_append(out, " tokens");
}

static void append_cells(struct str *out, const struct part parts[PARTS], size_t size)
{
    size_t drawn = 0;
    for (size_t i = 0; i < PARTS; i++) {
        size_t cells = (parts[i].tokens * CELLS + size / 2) / size;
        cells = cells == 0 && parts[i].tokens > 0 ? 1 : cells; /* what is there is seen */
        for (; cells > 0 && drawn < CELLS; cells--, drawn++) {
            str_append_char(out, parts[i].letter);
        }
    }
    for (; drawn < CELLS; drawn++) {
        str_append_char(out, '.');
    }
    str_append(out, "\n");
}

void context_picture_append(struct str *out, const struct agent_context *context)
{
    struct part parts[PARTS];
    size_t used = measure(context, parts);
    size_t size = context->size > 0 ? context->size : used + 1;
    append_cells(out, parts, size > used ? size : used);
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].tokens > 0) {
            str_append_format(out, "%c  %-16s %7zu tokens  %3zu %%\n", parts[i].letter,
                              parts[i].name, parts[i].tokens, parts[i].tokens * 100 / size);
        }
    }
    if (context->size > 0) {
        str_append_format(out, ".  %-16s %7zu tokens\n", "free", size > used ? size - used : 0);
    }
    append_used(out, context, used);
    str_append(out, context->size > 0 ? "" : ", of how many the server does not say");
    str_append(out, "; the parts are in proportion to their text");
    if (context->compacted > 0) {
        str_append_format(out, "\na summary stands for the first %zu messages; /expand",
                          context->compacted);
    }
}

void context_picture_append_line(struct str *out, const struct agent_context *context)
{
    struct part parts[PARTS];
    size_t used = measure(context, parts);
    str_append(out, "context: ");
    append_used(out, context, used);
    str_append_char(out, ':');
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].tokens > 0) {
            str_append_format(out, " %s %zu", parts[i].name, parts[i].tokens);
        }
    }
}

void context_picture_append_count(struct str *out, const struct agent_context *context)
{
    struct part parts[PARTS];
    append_used(out, context, measure(context, parts));
}
