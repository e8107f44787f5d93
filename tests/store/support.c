#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/words.h"

void support_require(bool condition, const char *what, const char *detail)
{
    if (!condition) {
        fprintf(stderr, "%s: %s\n", what, detail);
        fflush(NULL);
        _exit(99);
    }
}

char *support_make_folder(void)
{
    char name[] = "/tmp/carat-store-XXXXXX";
    support_require(mkdtemp(name) != NULL, "mkdtemp", strerror(errno));
    return mem_strdup(name);
}

char *support_make_memory_folder(void)
{
    char name[] = "/dev/shm/carat-store-XXXXXX";
    return mkdtemp(name) != NULL ? mem_strdup(name) : support_make_folder();
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void support_remove_folder(char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(folder);
}

char *support_path(const char *folder, const char *name)
{
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/%s", folder, name);
    return str_take(&path);
}

uint64_t support_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 2685821657736338717u;
}

static void set(char **field, const char *format, uint64_t number)
{
    struct str text;
    str_init(&text);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at == '#') {
            str_append_format(&text, "%llu", (unsigned long long)number);
        } else {
            str_append_char(&text, *at);
        }
    }
    mem_free(*field);
    *field = str_take(&text);
}

/* Words that depend on `number`; mostly short, now and then longer than a database page. */
static void set_long_text(struct chat_message *message, uint64_t number)
{
    struct str text;
    str_init(&text);
    str_append_format(&text, "marker-%llu:", (unsigned long long)number);
    uint64_t state = number + 1;
    size_t words = number % 37 == 36 ? 3000 : 5 + number % 50;
    for (size_t i = 0; i < words; i++) {
        str_append_format(&text, " %llx", (unsigned long long)(support_random(&state) & 0xFFFFFF));
    }
    chat_message_set_text(message, text.data, text.length);
    str_finish(&text);
}

static void make_model_message(struct chat_message *message, uint64_t number)
{
    set(&message->thought, "thinking of # \xC3\xA9\xF0\x9F\x99\x82", number);
    message->token_count = number % 200;
    message->tokens = mem_zero(message->token_count + 1, sizeof *message->tokens);
    for (size_t i = 0; i < message->token_count; i++) {
        message->tokens[i] = (int32_t)(number * 7 + i * 262144) - 5;
    }
    message->complete = number % 5 != 0;
    json_t *arguments = json_object();
    json_object_set_new(arguments, "zebra", json_integer((json_int_t)number));
    json_object_set_new(arguments, "apple", json_real(0.1 + (double)number));
    json_object_set_new(arguments, "nul", json_stringn("a\0b", 3));
    chat_message_add_call(message, "call-1", "file_read", arguments);
    chat_message_add_call(message, "", "shell", json_object());
}

static void make_tool_message(struct chat_message *message, uint64_t number)
{
    set(&message->call_id, "call-#", number);
    set(&message->call_name, "not UTF-8: \xFF\xC3 #", number);
    message->failed = number % 2 == 0;
    if (number % 3 == 0) {
        message->result = json_object();
        json_object_set_new(message->result, "lines", json_integer((json_int_t)number));
        json_object_set_new(message->result, "none", json_null());
    }
}

static void make_parts(struct chat_message *message, uint64_t number)
{
    message->part_count = 3;
    message->parts = mem_zero(3, sizeof *message->parts);
    message->parts[0].kind = CHAT_PART_TEXT;
    set(&message->parts[0].text, "look at # \x80\x81", number);
    message->parts[1].kind = CHAT_PART_IMAGE;
    message->parts[2].kind = number % 2 == 0 ? CHAT_PART_AUDIO : CHAT_PART_VIDEO;
}

void support_make_message(struct chat_message *message, uint64_t number)
{
    chat_message_init(message, (enum chat_role)(number % 4));
    message->complete = true;
    set_long_text(message, number);
    if (message->role == CHAT_USER && number % 8 == 1) {
        chat_message_set_text(message, "", 0);
        make_parts(message, number);
    } else if (message->role == CHAT_MODEL) {
        make_model_message(message, number);
    } else if (message->role == CHAT_TOOL) {
        make_tool_message(message, number);
    }
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool same_calls(const struct chat_message *a, const struct chat_message *b)
{
    for (size_t i = 0; i < a->call_count; i++) {
        /* Written out, to compare the order of the keys too. */
        char *left = json_dumps(a->calls[i].arguments, 0);
        char *right = json_dumps(b->calls[i].arguments, 0);
        bool same = strcmp(a->calls[i].id, b->calls[i].id) == 0 &&
                    strcmp(a->calls[i].name, b->calls[i].name) == 0 && strcmp(left, right) == 0;
        free(left);
        free(right);
        if (!same) {
            return false;
        }
    }
    return true;
}

bool support_same_message(const struct chat_message *a, const struct chat_message *b)
{
    if (a->role != b->role || a->failed != b->failed || a->complete != b->complete ||
        a->part_count != b->part_count || a->call_count != b->call_count ||
        a->token_count != b->token_count || (a->tokens == NULL) != (b->tokens == NULL) ||
        (a->parts == NULL) != (b->parts == NULL) || (a->result == NULL) != (b->result == NULL)) {
        return false;
    }
    for (size_t i = 0; i < a->part_count; i++) {
        if (a->parts[i].kind != b->parts[i].kind ||
            !same_text(a->parts[i].text, b->parts[i].text)) {
            return false;
        }
    }
    return same_text(a->text, b->text) && same_text(a->thought, b->thought) &&
           same_text(a->call_id, b->call_id) && same_text(a->call_name, b->call_name) &&
           (a->result == NULL || json_equal(a->result, b->result)) &&
           (a->token_count == 0 ||
            memcmp(a->tokens, b->tokens, a->token_count * sizeof *a->tokens) == 0) &&
           same_calls(a, b);
}

int support_run_child(void (*body)(void *context), void *context)
{
    fflush(NULL);
    pid_t child = fork();
    support_require(child >= 0, "fork", strerror(errno));
    if (child == 0) {
        body(context);
        _exit(0);
    }
    int status;
    support_require(waitpid(child, &status, 0) == child, "waitpid", strerror(errno));
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    support_require(written, path, strerror(errno));
    close(fd);
}

void support_enter_mount_namespace(void)
{
    char map[64];
    uid_t user = geteuid();
    gid_t group = getegid();
    if (user == 0) {
        support_require(unshare(CLONE_NEWNS) == 0, "unshare", strerror(errno));
    } else {
        support_require(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "unshare", strerror(errno));
        write_text("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "0 %ld 1", (long)user);
        write_text("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "0 %ld 1", (long)group);
        write_text("/proc/self/gid_map", map);
    }
    support_require(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts",
                    strerror(errno));
}

void support_execute(const char *path, const char *sql)
{
    sqlite3 *handle;
    char *problem = NULL;
    support_require(sqlite3_open(path, &handle) == SQLITE_OK, path, "opening");
    support_require(words_register(handle) == SQLITE_OK, path, "the search's tokenizer");
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 0, (int *)NULL);
    int code = sqlite3_exec(handle, sql, NULL, NULL, &problem);
    support_require(code == SQLITE_OK, sql, problem != NULL ? problem : "?");
    sqlite3_close(handle);
}

char *support_query_text(const char *path, const char *sql)
{
    sqlite3 *handle;
    sqlite3_stmt *statement;
    support_require(sqlite3_open(path, &handle) == SQLITE_OK, path, "opening");
    support_require(words_register(handle) == SQLITE_OK, path, "the search's tokenizer");
    support_require(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK, sql,
                    sqlite3_errmsg(handle));
    support_require(sqlite3_step(statement) == SQLITE_ROW, sql, "no row");
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    char *copy = mem_strdup(text == NULL ? "" : text);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return copy;
}

int64_t support_query(const char *path, const char *sql)
{
    char *text = support_query_text(path, sql);
    int64_t value = strtoll(text, NULL, 10);
    mem_free(text);
    return value;
}

unsigned char *support_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    support_require(file != NULL, path, strerror(errno));
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = mem_zero(*size + 1, 1);
    support_require(fread(bytes, 1, *size, file) == *size, path, "reading");
    fclose(file);
    return bytes;
}

void support_write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    support_require(file != NULL, path, strerror(errno));
    support_require(fwrite(bytes, 1, size, file) == size, path, "writing");
    support_require(fclose(file) == 0, path, "closing");
}
