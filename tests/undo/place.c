/* place: folders of their own below /tmp, and a shell to change what is in them. */
#include "place.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

void run(const char *folder, const char *command)
{
    struct str line;
    str_init(&line);
    str_append_format(&line, "cd '%s' && %s", folder, command);
    int status = system(line.data);
    if (status != 0) {
        fail_msg("%s", line.data);
    }
    str_finish(&line);
}

struct undo *open_undo(const struct place *place)
{
    static char *skip[] = {"node_modules"};
    struct err err = {0};
    struct undo_options options = {.folder = place->state,
                                   .workspace = place->work,
                                   .skip = skip,
                                   .skip_count = 1,
                                   .file_limit = FILE_LIMIT,
                                   .total_limit = TOTAL_LIMIT};
    struct undo *undo = undo_open(&options, &err);
    if (undo == NULL) {
        fail_msg("%s", err.text);
    }
    return undo;
}

int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    strcpy(place->base, "/tmp/carat-undo-test-XXXXXX");
    assert_non_null(mkdtemp(place->base));
    snprintf(place->work, sizeof place->work, "%s/work", place->base);
    snprintf(place->state, sizeof place->state, "%s/state", place->base);
    snprintf(place->outside, sizeof place->outside, "%s/outside", place->base);
    assert_int_equal(mkdir(place->work, 0755) | mkdir(place->outside, 0755), 0);
    run(place->outside, "echo precious > file");
    place->undo = open_undo(place);
    *state = place;
    return 0;
}

void become_nobody(const struct place *place)
{
    if (geteuid() == 0) {
        run(place->base, "chown -R 65534 .");
        assert_int_equal(setresuid(65534, 65534, 0), 0);
    }
}

int tear_down(void **state)
{
    struct place *place = *state;
    (void)!setresuid(0, 0, 0);
    undo_close(place->undo);
    run("/", "true");
    struct str line;
    str_init(&line);
    str_append_format(&line, "chmod -R u+rwx '%s'; rm -rf '%s'", place->base, place->base);
    assert_int_equal(system(line.data), 0);
    str_finish(&line);
    mem_free(place);
    return 0;
}

void begin_turn(struct place *place)
{
    struct err err = {0};
    if (!undo_begin(place->undo, "c", "words of the turn", &err)) {
        fail_msg("%s", err.text);
    }
}

struct undo_summary end_turn(struct place *place)
{
    struct err err = {0};
    struct undo_summary summary;
    if (!undo_end(place->undo, &summary, &err)) {
        fail_msg("%s", err.text);
    }
    return summary;
}

char *try_take_back(struct place *place, unsigned turn, bool *ok)
{
    struct err err = {0};
    struct str report;
    str_init(&report);
    *ok = undo_take_back(place->undo, turn, &report, &err);
    if (!*ok) {
        str_append_format(&report, "ERR %s\n", err.text);
    }
    return str_take(&report);
}

char *take_back(struct place *place, unsigned turn)
{
    bool ok;
    char *report = try_take_back(place, turn, &ok);
    if (!ok) {
        fail_msg("%s", report);
    }
    return report;
}

char *take_nothing_back(struct place *place, unsigned turn)
{
    bool ok;
    char *report = try_take_back(place, turn, &ok);
    if (ok || strstr(report, "nothing of turn") == NULL) {
        fail_msg("%s", report);
    }
    return report;
}

/* --- a tree as text --- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void write_down(const char *folder, const char *shown, struct str *out)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, by_name);
    for (int i = 0; i < count; i++) {
        char path[4096], name[4096], bytes[8192];
        struct stat status;
        if (strcmp(names[i]->d_name, ".") == 0 || strcmp(names[i]->d_name, "..") == 0) {
            free(names[i]);
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        snprintf(name, sizeof name, "%s/%s", shown, names[i]->d_name);
        assert_int_equal(lstat(path, &status), 0);
        str_append_format(out, "%s %o ", name, status.st_mode);
        if (S_ISLNK(status.st_mode)) {
            ssize_t length = readlink(path, bytes, sizeof bytes);
            str_append_bytes(out, bytes, (size_t)length);
        } else if (S_ISREG(status.st_mode)) {
            int fd = open(path, O_RDONLY);
            ssize_t got;
            while ((got = read(fd, bytes, sizeof bytes)) > 0) {
                str_append_bytes(out, bytes, (size_t)got);
            }
            close(fd);
        }
        str_append_char(out, '\n');
        if (S_ISDIR(status.st_mode)) {
            write_down(path, name, out);
        }
        free(names[i]);
    }
    free(names);
}

struct str state_of(const struct place *place)
{
    struct str out;
    str_init(&out);
    write_down(place->work, "", &out);
    return out;
}

void check_state(const struct place *place, const struct str *expected)
{
    struct str now = state_of(place);
    if (now.length != expected->length || memcmp(now.data, expected->data, now.length) != 0) {
        print_error("expected:\n%.3000s\nfound:\n%.3000s\n", expected->data, now.data);
        fail();
    }
    str_finish(&now);
}

void check_outside(const struct place *place)
{
    char path[128], text[16] = "";
    snprintf(path, sizeof path, "%s/file", place->outside);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof text), 9);
    close(fd);
    assert_string_equal(text, "precious\n");
}
