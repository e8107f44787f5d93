#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "str.h"
#include "visible.h"

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_path[PATH_MAX];
static int log_fd = -1;
static long long log_size;

static bool open_file(struct err *err)
{
    log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) {
        return err_errno(err, ERR_IO, "opening log %s", log_path);
    }
    struct stat status;
    log_size = fstat(log_fd, &status) == 0 ? (long long)status.st_size : 0;
    return true;
}

bool log_open(const char *path, struct err *err)
{
    if (strlen(path) + 3 > sizeof log_path) {
        return err_set(err, ERR_ARGUMENT, "log path too long: %s", path);
    }
    log_close();
    pthread_mutex_lock(&log_lock);
    snprintf(log_path, sizeof log_path, "%s", path);
    bool ok = open_file(err);
    pthread_mutex_unlock(&log_lock);
    return ok;
}

void log_close(void)
{
    pthread_mutex_lock(&log_lock);
    if (log_fd >= 0) {
        close(log_fd);
        log_fd = -1;
    }
    pthread_mutex_unlock(&log_lock);
}

static void rotate(void)
{
    char old[PATH_MAX + 2];
    snprintf(old, sizeof old, "%s.1", log_path);
    close(log_fd);
    log_fd = -1;
    rename(log_path, old);
    open_file(NULL);
}

void log_write(const char *area, const char *format, ...)
{
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    struct str line;
    str_init(&line);
    int64_t now = clock_wall_ms();
    str_append_format(&line, "%lld.%03d %s: ", (long long)(now / 1000), (int)(now % 1000), area);
    visible_append(&line, message, strlen(message), VISIBLE_LINE);
    str_append_char(&line, '\n');

    pthread_mutex_lock(&log_lock);
    if (log_fd >= 0 && log_size + (long long)line.length > LOG_LIMIT) {
        rotate();
    }
    if (log_fd >= 0 && write(log_fd, line.data, line.length) > 0) {
        log_size += (long long)line.length;
    }
    pthread_mutex_unlock(&log_lock);
    str_finish(&line);
}
