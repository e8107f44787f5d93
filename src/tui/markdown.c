#include "tui/markdown.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <md4c.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "tui/glyph.h"
#include "tui/layout.h"

/* Deeper nesting than DEPTH is drawn at that depth; a table beyond COLUMNS is cut. */
enum { DEPTH = 12, COLUMNS = 32, MARKER = 16 };

/* A quote, or an item of a list with the marker that its first row shows. */
struct container {
    bool quote;
    char marker[MARKER];
    int width;
    bool drawn;
};

struct list {
    bool ordered, tight;
    unsigned next;
    size_t items;
};

struct cell_text {
    struct str text;
    bool heading;
};

struct table {
    struct cell_text *cells;
    size_t count, capacity;
    size_t columns;
    MD_ALIGN align[COLUMNS];
};

struct renderer {
    struct layout_writer *writer;
    struct container containers[DEPTH];
    int depth; /* may exceed DEPTH: the excess has no container */
    struct list lists[DEPTH];
    int list_depth;
    int strong, emphasis, code, link, deleted; /* how many such spans are open */
    bool heading, code_block, in_cell;
    bool row_open;   /* more may come in the text's last line */
    size_t blocks;   /* drawn so far, to put blank rows between */
    bool fresh_item; /* nothing of this list item is drawn yet */
    struct str href, link_text;
    struct table table;
    struct str first, rest; /* scratch for prefixes */
};

/* --- lines --- */

static void prefixes(struct renderer *r)
{
    str_clear(&r->first);
    str_clear(&r->rest);
    for (int i = 0; i < r->depth && i < DEPTH; i++) {
        struct container *box = &r->containers[i];
        if (box->quote) {
            str_append(&r->first, "│ ");
            str_append(&r->rest, "│ ");
            continue;
        }
        for (int column = 0; column < box->width; column++) {
            str_append_char(&r->rest, ' ');
        }
        if (box->drawn) {
            for (int column = 0; column < box->width; column++) {
                str_append_char(&r->first, ' ');
            }
        } else {
            str_append(&r->first, box->marker);
            box->drawn = true;
        }
    }
}

static void end_line(struct renderer *r, const char *indent, enum wrap_mode mode)
{
    prefixes(r);
    str_append(&r->first, indent);
    str_append(&r->rest, indent);
    layout_end_line(r->writer, r->first.data, r->rest.data, THEME_FAINT, mode);
    r->fresh_item = false;
}

static void flush(struct renderer *r)
{
    if (!layout_line_empty(r->writer)) {
        end_line(r, "", WRAP_WORDS);
    }
}

/* A blank row before a block, where Markdown would put space: not at the top, not as the first
 * thing of an item, not inside tight lists. */
static void separate(struct renderer *r)
{
    flush(r);
    int list = r->list_depth < DEPTH ? r->list_depth : DEPTH;
    bool tight = list > 0 && r->lists[list - 1].tight;
    if (r->blocks++ > 0 && !r->fresh_item && !tight) {
        end_line(r, "", WRAP_WORDS);
    }
}

/* --- tables --- */

static void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        str_finish(&table->cells[i].text);
    }
    table->count = 0;
}

static void begin_cell(struct renderer *r, bool heading, MD_ALIGN align)
{
    struct table *table = &r->table;
    vec_room(&table->cells, &table->capacity, table->count + 1, sizeof *table->cells);
    str_init(&table->cells[table->count].text);
    table->cells[table->count].heading = heading;
    if (heading && table->count < COLUMNS) {
        table->align[table->count] = align;
    }
    table->count++;
    r->in_cell = true;
}

static void add_blanks(struct layout_writer *writer, int count)
{
    for (; count > 0; count--) {
        layout_add(writer, " ", 1, THEME_TEXT);
    }
}

/* A row that is being written ends with the last cell that has something in it. */
static size_t columns_reached(const struct table *table, size_t row, size_t columns)
{
    const struct cell_text *cells = &table->cells[row * table->columns];
    while (columns > 1 && cells[columns - 1].text.length == 0) {
        columns--;
    }
    return columns;
}

static void draw_table_row(struct renderer *r, size_t row, const int *widths, size_t columns)
{
    bool last = row + 1 == r->table.count / r->table.columns;
    columns = last && row > 0 && r->row_open ? columns_reached(&r->table, row, columns) : columns;
    for (size_t c = 0; c < columns; c++) {
        const struct cell_text *cell = &r->table.cells[row * r->table.columns + c];
        int used = glyph_columns(cell->text.data, cell->text.length);
        int left = 0, spare = widths[c] - used;
        if (r->table.align[c] == MD_ALIGN_RIGHT) {
            left = spare;
        } else if (r->table.align[c] == MD_ALIGN_CENTER) {
            left = spare / 2;
        }
        add_blanks(r->writer, left);
        layout_add(r->writer, cell->text.data, cell->text.length,
                   cell->heading ? THEME_STRONG : THEME_TEXT);
        if (c + 1 < columns) {
            add_blanks(r->writer, spare - left);
            layout_add(r->writer, " │ ", strlen(" │ "), THEME_FAINT);
        }
    }
    end_line(r, "", WRAP_CELLS);
}

static void draw_table_rule(struct renderer *r, const int *widths, size_t columns)
{
    for (size_t c = 0; c < columns; c++) {
        for (int i = 0; i < widths[c]; i++) {
            layout_add(r->writer, "─", strlen("─"), THEME_FAINT);
        }
        if (c + 1 < columns) {
            layout_add(r->writer, "─┼─", strlen("─┼─"), THEME_FAINT);
        }
    }
    end_line(r, "", WRAP_CELLS);
}

/* A table that is wider than the screen: each row as "heading: value" lines. */
static void draw_table_stacked(struct renderer *r, size_t rows, size_t columns)
{
    for (size_t row = 1; row < rows; row++) {
        for (size_t c = 0; c < columns; c++) {
            const struct str *heading = &r->table.cells[c].text;
            const struct str *value = &r->table.cells[row * r->table.columns + c].text;
            layout_add(r->writer, heading->data, heading->length, THEME_STRONG);
            layout_add(r->writer, ": ", 2, THEME_STRONG);
            layout_add(r->writer, value->data, value->length, THEME_TEXT);
            end_line(r, c == 0 ? "" : "  ", WRAP_WORDS);
        }
    }
}

static void draw_table(struct renderer *r)
{
    struct table *table = &r->table;
    if (table->columns == 0 || table->count < table->columns) {
        return;
    }
    size_t columns = table->columns < COLUMNS ? table->columns : COLUMNS;
    size_t rows = table->count / table->columns;
    int widths[COLUMNS] = {0}, total = 3 * ((int)columns - 1);
    for (size_t c = 0; c < columns; c++) {
        for (size_t row = 0; row < rows; row++) {
            const struct str *text = &table->cells[row * table->columns + c].text;
            int width = glyph_columns(text->data, text->length);
            widths[c] = width > widths[c] ? width : widths[c];
        }
        total += widths[c];
    }
    if (total > r->writer->width) {
        draw_table_stacked(r, rows, columns);
        return;
    }
    draw_table_row(r, 0, widths, columns);
    draw_table_rule(r, widths, columns);
    for (size_t row = 1; row < rows; row++) {
        draw_table_row(r, row, widths, columns);
    }
}

/* --- blocks --- */

static void push(struct renderer *r, bool quote, const char *marker)
{
    if (r->depth < DEPTH) {
        struct container *box = &r->containers[r->depth];
        memset(box, 0, sizeof *box);
        box->quote = quote;
        strncpy(box->marker, marker, sizeof box->marker - 1);
        box->width = glyph_columns(marker, strlen(marker));
    }
    r->depth++;
}

static void enter_list(struct renderer *r, bool ordered, bool tight, unsigned start)
{
    if (r->list_depth == 0) {
        separate(r);
    } else {
        flush(r);
    }
    if (r->list_depth < DEPTH) {
        r->lists[r->list_depth] = (struct list){ordered, tight, start, 0};
    }
    r->list_depth++;
}

static void enter_item(struct renderer *r, const MD_BLOCK_LI_DETAIL *detail)
{
    int level = r->list_depth < DEPTH ? r->list_depth : DEPTH;
    struct list *list = &r->lists[level - 1];
    struct str marker;
    str_init(&marker);
    if (list->ordered) {
        str_append_format(&marker, "%u. ", list->next++);
    } else {
        str_append(&marker, level % 2 == 1 ? "• " : "- ");
    }
    if (detail->is_task) {
        str_append(&marker, detail->task_mark == ' ' ? "[ ] " : "[x] ");
    }
    flush(r);
    if (list->items++ > 0 && !list->tight) {
        end_line(r, "", WRAP_WORDS);
    }
    push(r, false, marker.data);
    r->fresh_item = true;
    str_finish(&marker);
}

static void draw_rule(struct renderer *r)
{
    separate(r);
    for (int i = 0; i < 24; i++) {
        layout_add(r->writer, "─", strlen("─"), THEME_FAINT);
    }
    flush(r);
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *context)
{
    struct renderer *r = context;
    switch (type) {
    case MD_BLOCK_QUOTE:
        separate(r);
        push(r, true, "");
        r->fresh_item = true;
        break;
    case MD_BLOCK_UL:
        enter_list(r, false, ((MD_BLOCK_UL_DETAIL *)detail)->is_tight, 0);
        break;
    case MD_BLOCK_OL:
        enter_list(r, true, ((MD_BLOCK_OL_DETAIL *)detail)->is_tight,
                   ((MD_BLOCK_OL_DETAIL *)detail)->start);
        break;
    case MD_BLOCK_LI:
        enter_item(r, detail);
        break;
    case MD_BLOCK_HR:
        draw_rule(r);
        break;
    case MD_BLOCK_H:
        separate(r);
        r->heading = true;
        break;
    case MD_BLOCK_CODE:
        separate(r);
        r->code_block = true;
        break;
    case MD_BLOCK_P:
    case MD_BLOCK_HTML:
        separate(r);
        break;
    case MD_BLOCK_TABLE:
        separate(r);
        table_clear(&r->table);
        memset(r->table.align, 0, sizeof r->table.align);
        r->table.columns = ((MD_BLOCK_TABLE_DETAIL *)detail)->col_count;
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        begin_cell(r, type == MD_BLOCK_TH, ((MD_BLOCK_TD_DETAIL *)detail)->align);
        break;
    default:
        break;
    }
    return 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *context)
{
    (void)detail;
    struct renderer *r = context;
    switch (type) {
    case MD_BLOCK_LI:
        if (r->fresh_item && layout_line_empty(r->writer)) {
            end_line(r, "", WRAP_WORDS); /* an empty item still shows its marker */
        }
        flush(r);
        r->depth--;
        break;
    case MD_BLOCK_QUOTE:
        flush(r);
        r->depth--;
        break;
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        flush(r);
        r->list_depth--;
        break;
    case MD_BLOCK_CODE:
        if (!layout_line_empty(r->writer)) {
            end_line(r, "  ", WRAP_CELLS);
        }
        r->code_block = false;
        break;
    case MD_BLOCK_H:
        flush(r);
        r->heading = false;
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        r->in_cell = false;
        break;
    case MD_BLOCK_TABLE:
        draw_table(r);
        break;
    default:
        flush(r);
        break;
    }
    return 0;
}

/* --- spans and text --- */

static enum theme_role role_now(const struct renderer *r)
{
    if (r->code_block) {
        return THEME_CODE_BLOCK;
    }
    if (r->code > 0) {
        return THEME_CODE;
    }
    if (r->heading) {
        return THEME_HEADING;
    }
    if (r->link > 0) {
        return THEME_LINK;
    }
    if (r->strong > 0) {
        return r->emphasis > 0 ? THEME_STRONG_EMPHASIS : THEME_STRONG;
    }
    if (r->emphasis > 0) {
        return THEME_EMPHASIS;
    }
    return r->deleted > 0 ? THEME_FAINT : THEME_TEXT;
}

static void add(struct renderer *r, const char *text, size_t length, enum theme_role role)
{
    if (r->link > 0 && r->link_text.length < 4096) {
        str_append_bytes(&r->link_text, text, length);
    }
    if (r->in_cell && r->table.count > 0) {
        str_append_bytes(&r->table.cells[r->table.count - 1].text, text, length);
    } else if (!r->in_cell) {
        layout_add(r->writer, text, length, role);
    }
}

static void add_text(struct renderer *r, const char *text)
{
    add(r, text, strlen(text), role_now(r));
}

static void enter_link(struct renderer *r, const MD_ATTRIBUTE *address)
{
    str_clear(&r->href);
    str_clear(&r->link_text);
    str_append_bytes(&r->href, address->text, address->size);
    r->link++;
}

/* The address goes behind the text unless the text is the address. */
static void leave_link(struct renderer *r)
{
    const char *shown = r->href.data;
    if (str_starts_with(shown, "mailto:")) {
        shown += strlen("mailto:");
    }
    r->link--;
    if (strcmp(shown, r->link_text.data) == 0 || r->href.length == 0) {
        return;
    }
    add(r, " (", 2, THEME_FAINT);
    add(r, r->href.data, r->href.length, THEME_FAINT);
    add(r, ")", 1, THEME_FAINT);
}

static int *span_count(struct renderer *r, MD_SPANTYPE type)
{
    switch (type) {
    case MD_SPAN_EM:
        return &r->emphasis;
    case MD_SPAN_STRONG:
        return &r->strong;
    case MD_SPAN_CODE:
        return &r->code;
    case MD_SPAN_DEL:
        return &r->deleted;
    default:
        return NULL;
    }
}

static int enter_span(MD_SPANTYPE type, void *detail, void *context)
{
    struct renderer *r = context;
    int *count = span_count(r, type);
    if (count != NULL) {
        ++*count;
    } else if (type == MD_SPAN_A) {
        enter_link(r, &((MD_SPAN_A_DETAIL *)detail)->href);
    } else if (type == MD_SPAN_IMG) {
        add_text(r, "image: ");
    }
    return 0;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *context)
{
    struct renderer *r = context;
    int *count = span_count(r, type);
    if (count != NULL) {
        --*count;
    } else if (type == MD_SPAN_A) {
        leave_link(r);
    } else if (type == MD_SPAN_IMG) {
        const MD_ATTRIBUTE *source = &((MD_SPAN_IMG_DETAIL *)detail)->src;
        add(r, " (", 2, THEME_FAINT);
        add(r, source->text, source->size, THEME_FAINT);
        add(r, ")", 1, THEME_FAINT);
    }
    return 0;
}

/* The entities that models write; any other is shown as it stands. What a number gives may be a
 * control: the surface makes it visible like every other. */
static void add_entity(struct renderer *r, const char *text, size_t length)
{
    static const char *const names[][2] = {
        {"&amp;", "&"},    {"&lt;", "<"},   {"&gt;", ">"},    {"&quot;", "\""},
        {"&apos;", "'"},   {"&nbsp;", " "}, {"&ndash;", "–"}, {"&mdash;", "—"},
        {"&hellip;", "…"}, {"&copy;", "©"}, {"&rarr;", "→"},  {"&larr;", "←"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (length == strlen(names[i][0]) && memcmp(text, names[i][0], length) == 0) {
            add_text(r, names[i][1]);
            return;
        }
    }
    if (length >= 4 && length < 16 && text[1] == '#') {
        char digits[16], encoded[4];
        memcpy(digits, text, length);
        digits[length] = '\0';
        bool hex = digits[2] == 'x' || digits[2] == 'X';
        unsigned long code = strtoul(digits + (hex ? 3 : 2), NULL, hex ? 16 : 10);
        uint32_t c = code == 0 || code > 0x10FFFF ? 0xFFFD : (uint32_t)code;
        if (c == '\n' || c == '\t') {
            c = ' ';
        }
        add(r, encoded, utf8_encode(c, encoded), role_now(r));
        return;
    }
    add(r, text, length, role_now(r));
}

/* Code holds its newlines; each ends a row. */
static void add_code(struct renderer *r, const char *text, size_t length)
{
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t size = newline == NULL ? length : (size_t)(newline - text);
        add(r, text, size, role_now(r));
        if (newline == NULL) {
            return;
        }
        if (r->code_block) {
            end_line(r, "  ", WRAP_CELLS);
        }
        text += size + 1;
        length -= size + 1;
    }
}

static int on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *context)
{
    struct renderer *r = context;
    switch (type) {
    case MD_TEXT_NULLCHAR:
        add_text(r, "\xEF\xBF\xBD");
        break;
    case MD_TEXT_BR:
        if (!r->in_cell) {
            end_line(r, "", WRAP_WORDS);
            break;
        }
        add_text(r, " ");
        break;
    case MD_TEXT_SOFTBR:
        add_text(r, " ");
        break;
    case MD_TEXT_ENTITY:
        add_entity(r, text, size);
        break;
    default:
        add_code(r, text, size);
        break;
    }
    return 0;
}

void markdown_layout(const char *text, size_t length, bool open, struct layout_writer *writer)
{
    static const MD_PARSER parser = {
        .flags = MD_DIALECT_GITHUB | MD_FLAG_NOHTML,
        .enter_block = enter_block,
        .leave_block = leave_block,
        .enter_span = enter_span,
        .leave_span = leave_span,
        .text = on_text,
    };
    struct renderer r = {.writer = writer,
                         .row_open = open && length > 0 && text[length - 1] != '\n'};
    str_init(&r.href);
    str_init(&r.link_text);
    str_init(&r.first);
    str_init(&r.rest);
    if (length > UINT32_MAX / 2 || md_parse(text, (MD_SIZE)length, &parser, &r) != 0) {
        layout_lines(writer, text, length, THEME_TEXT, "", "", WRAP_WORDS);
    }
    flush(&r);
    table_clear(&r.table);
    mem_free(r.table.cells);
    str_finish(&r.href);
    str_finish(&r.link_text);
    str_finish(&r.first);
    str_finish(&r.rest);
}
