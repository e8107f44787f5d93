#include "tui/layout.h"

#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "tui/glyph.h"
#include "tui/surface.h"

enum { TAB = 4, LEAST_TEXT = 8 }; /* prefixes go when fewer cells than this are left for text */
enum { PICTURE_INDENT = 2 };

void layout_init(struct layout *layout)
{
    memset(layout, 0, sizeof *layout);
    str_init(&layout->text);
}

void layout_finish(struct layout *layout)
{
    str_finish(&layout->text);
    mem_free(layout->runs.items);
    mem_free(layout->rows);
    layout_init(layout);
}

void layout_draw_row(const struct layout *layout, size_t index, struct surface *surface, int row,
                     int column, int limit)
{
    const struct layout_row *line = &layout->rows[index];
    size_t at = line->start;
    if (line->part > 0) {
        surface_picture(surface, row, column + PICTURE_INDENT, limit, layout->picture,
                        layout->picture_columns, layout->picture_rows, line->part - 1);
    }
    for (size_t i = line->run; at < line->end && i < layout->runs.count; i++) {
        const struct layout_run *run = &layout->runs.items[i];
        size_t end = run->end < line->end ? run->end : line->end;
        column =
            surface_put(surface, row, column, limit, layout->text.data + at, end - at, run->role);
        at = end;
    }
}

void layout_drop_rows(struct layout *layout, size_t from, size_t to)
{
    memmove(layout->rows + from, layout->rows + to, (layout->count - to) * sizeof *layout->rows);
    layout->count -= to - from;
}

void layout_writer_init(struct layout_writer *writer, struct layout *layout, int width, size_t most)
{
    memset(writer, 0, sizeof *writer);
    writer->layout = layout;
    writer->width = width < 1 ? 1 : width;
    writer->most = most;
    str_init(&writer->line);
}

void layout_writer_finish(struct layout_writer *writer)
{
    str_finish(&writer->line);
    mem_free(writer->runs.items);
    wrap_rows_finish(&writer->rows);
}

static void add_run(struct layout_runs *runs, size_t end, enum theme_role role)
{
    if (runs->count > 0 && runs->items[runs->count - 1].role == role) {
        runs->items[runs->count - 1].end = end;
        return;
    }
    vec_room(&runs->items, &runs->capacity, runs->count + 1, sizeof *runs->items);
    runs->items[runs->count++] = (struct layout_run){end, role};
}

void layout_add(struct layout_writer *writer, const char *text, size_t length, enum theme_role role)
{
    while (length > 0) {
        const char *tab = memchr(text, '\t', length);
        size_t piece = tab == NULL ? length : (size_t)(tab - text);
        str_append_bytes(&writer->line, text, piece);
        if (tab != NULL) {
            writer->column += glyph_columns(writer->line.data + writer->measured,
                                            writer->line.length - writer->measured);
            writer->measured = writer->line.length;
            str_append_bytes(&writer->line, "    ", (size_t)(TAB - writer->column % TAB));
            piece++;
        }
        text += piece;
        length -= piece;
    }
    if (writer->line.length > 0) {
        add_run(&writer->runs, writer->line.length, role);
    }
}

bool layout_line_empty(const struct layout_writer *writer)
{
    return writer->line.length == 0;
}

/* Copies line[start..end) with its roles behind what the layout holds. */
static void copy_runs(struct layout_writer *writer, size_t start, size_t end)
{
    struct layout *layout = writer->layout;
    size_t from = 0;
    for (size_t i = 0; i < writer->runs.count && from < end; i++) {
        size_t to = writer->runs.items[i].end;
        size_t low = from > start ? from : start, high = to < end ? to : end;
        if (low < high) {
            str_append_bytes(&layout->text, writer->line.data + low, high - low);
            add_run(&layout->runs, layout->text.length, writer->runs.items[i].role);
        }
        from = to;
    }
}

static struct layout_row *add_row(struct layout *layout)
{
    vec_room(&layout->rows, &layout->capacity, layout->count + 1, sizeof *layout->rows);
    struct layout_row *row = &layout->rows[layout->count++];
    *row = (struct layout_row){
        .start = layout->text.length, .end = layout->text.length, .run = layout->runs.count};
    return row;
}

void layout_add_picture(struct layout_writer *writer, const struct picture *picture, int columns,
                        int rows)
{
    struct layout *layout = writer->layout;
    layout->picture = picture;
    layout->picture_columns = columns;
    layout->picture_rows = rows;
    for (int part = 1; part <= rows; part++) {
        add_row(layout)->part = part;
    }
}

static void write_row(struct layout_writer *writer, const char *prefix, enum theme_role prefix_role,
                      const struct wrap_row *row)
{
    struct layout *layout = writer->layout;
    struct layout_row *out = add_row(layout);
    if (out->run > 0) {
        out->run--; /* a run that goes on over the end of a row is one run */
    }
    if (prefix[0] != '\0') {
        str_append(&layout->text, prefix);
        add_run(&layout->runs, layout->text.length, prefix_role);
    }
    copy_runs(writer, row->start, row->start + row->length);
    out->end = layout->text.length;
    while (out->run < layout->runs.count && layout->runs.items[out->run].end <= out->start) {
        out->run++;
    }
}

void layout_end_line(struct layout_writer *writer, const char *first, const char *rest,
                     enum theme_role prefix_role, enum wrap_mode mode)
{
    int first_width = glyph_columns(first, strlen(first));
    int rest_width = glyph_columns(rest, strlen(rest));
    if (writer->width - first_width < LEAST_TEXT || writer->width - rest_width < LEAST_TEXT) {
        first = rest = "";
        first_width = rest_width = 0;
    }
    size_t room = 0;
    if (writer->most != 0) {
        room = writer->most > writer->layout->count ? writer->most - writer->layout->count : 0;
        writer->full |= room == 0;
    }
    if (!writer->full) {
        writer->rows.count = 0;
        size_t covered =
            wrap_line(&writer->rows, writer->line.data, writer->line.length,
                      writer->width - first_width, writer->width - rest_width, mode, room);
        for (size_t i = 0; i < writer->rows.count; i++) {
            write_row(writer, i == 0 ? first : rest, prefix_role, &writer->rows.items[i]);
        }
        writer->full = covered < writer->line.length;
    }
    str_clear(&writer->line);
    writer->runs.count = 0;
    writer->measured = 0;
    writer->column = 0;
}

void layout_lines(struct layout_writer *writer, const char *text, size_t length,
                  enum theme_role role, const char *first, const char *rest, enum wrap_mode mode)
{
    for (size_t at = 0; at < length && !writer->full;) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t end = newline == NULL ? length : (size_t)(newline - text);
        layout_add(writer, text + at, end - at, role);
        layout_end_line(writer, at == 0 ? first : rest, rest, role, mode);
        at = end + 1;
    }
}
