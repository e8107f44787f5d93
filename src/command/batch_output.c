#include "command/batch_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

struct mark {
    char text[BATCH_MARK_SIZE];
};

struct batch_output {
    int descriptor; /* 1: standard output */
    struct mark *marks;
    size_t complete, mark_capacity, failed;
    size_t next;      /* the result that is to be written next */
    json_t **waiting; /* of next, next + 1, ...: NULL = not there yet */
    size_t waiting_count, waiting_capacity;
};

void batch_output_mark(const char *line, size_t length, char mark[BATCH_MARK_SIZE])
{
    unsigned char sum[HASH_BYTES];
    char hex[HASH_HEX_SIZE];
    struct hash hash;
    hash_init(&hash);
    hash_add(&hash, line, length);
    hash_finish(&hash, sum);
    hash_hex(sum, hex);
    memcpy(mark, hex, BATCH_MARK_SIZE - 1);
    mark[BATCH_MARK_SIZE - 1] = '\0';
}

/* --- what is there --- */

static bool read_result(struct batch_output *output, const char *line, size_t length,
                        struct err *err)
{
    json_t *result = json_loadb(line, length, 0, NULL);
    const char *mark = json_string_value(json_object_get(result, "input"));
    bool ok = mark != NULL && strlen(mark) == BATCH_MARK_SIZE - 1;
    if (ok) {
        vec_room(&output->marks, &output->mark_capacity, output->complete + 1,
                 sizeof *output->marks);
        memcpy(output->marks[output->complete++].text, mark, BATCH_MARK_SIZE);
        output->failed += json_object_get(result, "error") != NULL;
    } else {
        err_set(err, ERR_FORMAT, "line %zu is no result of carat batch", output->complete + 1);
    }
    json_decref(result);
    return ok;
}

/* Reads the lines that are complete and cuts off the rest. */
static bool read_results(struct batch_output *output, struct err *err)
{
    int copy = dup(output->descriptor);
    FILE *file = copy >= 0 ? fdopen(copy, "r") : NULL;
    if (file == NULL) {
        return err_errno(err, ERR_IO, "reading");
    }
    char *line = NULL;
    size_t capacity = 0;
    off_t whole = 0;
    ssize_t length;
    bool ok = true;
    while (ok && (length = getline(&line, &capacity, file)) > 0 && line[length - 1] == '\n') {
        ok = read_result(output, line, (size_t)length, err);
        whole += length;
    }
    if (ok && ferror(file)) {
        ok = err_errno(err, ERR_IO, "reading");
    }
    free(line);
    fclose(file);
    if (ok && (ftruncate(output->descriptor, whole) != 0 ||
               lseek(output->descriptor, whole, SEEK_SET) != whole)) {
        ok = err_errno(err, ERR_IO, "cutting off a line that was not finished");
    }
    output->next = output->complete;
    return ok;
}

static bool open_file(struct batch_output *output, const char *path, struct err *err)
{
    output->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (output->descriptor < 0) {
        return err_errno(err, ERR_IO, "%s", path);
    }
    if (flock(output->descriptor, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? err_set(err, ERR_DENIED, "%s: another process writes to it", path)
                   : err_errno(err, ERR_IO, "%s", path);
    }
    return read_results(output, err) || err_prefix(err, "%s", path);
}

struct batch_output *batch_output_open(const char *path, struct err *err)
{
    struct batch_output *output = mem_zero(1, sizeof *output);
    output->descriptor = STDOUT_FILENO;
    if (path != NULL && !open_file(output, path, err)) {
        batch_output_close(output);
        return NULL;
    }
    return output;
}

void batch_output_close(struct batch_output *output)
{
    if (output == NULL) {
        return;
    }
    for (size_t i = 0; i < output->waiting_count; i++) {
        json_decref(output->waiting[i]);
    }
    mem_free(output->waiting);
    mem_free(output->marks);
    if (output->descriptor != STDOUT_FILENO && output->descriptor >= 0) {
        close(output->descriptor);
    }
    mem_free(output);
}

size_t batch_output_complete(const struct batch_output *output)
{
    return output->complete;
}

const char *batch_output_mark_of(const struct batch_output *output, size_t index)
{
    return output->marks[index].text;
}

size_t batch_output_failed(const struct batch_output *output)
{
    return output->failed;
}

/* --- what comes --- */

static bool write_result(struct batch_output *output, const json_t *result, struct err *err)
{
    char *text = json_dumps(result, JSON_COMPACT | JSON_ENSURE_ASCII);
    struct str line;
    str_init(&line);
    str_append_format(&line, "%s\n", text != NULL ? text : "{}");
    bool ok = file_write_all(output->descriptor, line.data, line.length) ||
              err_errno(err, ERR_IO, "writing a result");
    str_finish(&line);
    mem_free(text);
    return ok;
}

bool batch_output_put(struct batch_output *output, size_t index, json_t *result, struct err *err)
{
    size_t place = index - output->next;
    vec_room(&output->waiting, &output->waiting_capacity, place + 1, sizeof(json_t *));
    while (output->waiting_count <= place) {
        output->waiting[output->waiting_count++] = NULL;
    }
    output->waiting[place] = result;
    size_t ready = 0;
    bool ok = true;
    while (ok && ready < output->waiting_count && output->waiting[ready] != NULL) {
        ok = write_result(output, output->waiting[ready], err);
        json_decref(output->waiting[ready]);
        output->waiting[ready++] = NULL;
    }
    output->next += ready;
    output->waiting_count -= ready;
    memmove(output->waiting, output->waiting + ready,
            output->waiting_count * sizeof output->waiting[0]);
    return ok;
}
