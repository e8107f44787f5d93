/* clip: see clip.h. The demuxer is named by how the file begins: a list that asks ffmpeg to open
 * other files (a playlist) is none of the three. */
#include "clip.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/decoded.h"

#define QUOTE(text)     #text
#define TEXT_OF(number) QUOTE(number)
/* A larger frame is made smaller before it is kept: the model looks at 161,280 pixels of it. */
#define FRAME_SIDE      1024

enum { REPORT_BYTES = 4096, WORDS_MAX = 40, RATE_UNKNOWN = 24, PATH_BYTES = 64 };

struct clip {
    char folder[PATH_BYTES], file[PATH_BYTES + 8];
    const char *demuxer;
    uint64_t frames, rate, scale; /* rate / scale frames a second */
    size_t count;                 /* of those that are taken */
};

extern char **environ;

/* --- programs --- */

/* Runs it to its end; what it says goes to `output`, what it complains nowhere. */
static bool run(char *const words[], int output, struct err *err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int problem = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (problem == ENOENT) {
        return err_set(err, ERR_UNSUPPORTED,
                       "a clip takes the program %s, which is not installed (package ffmpeg)",
                       words[0]);
    }
    if (problem != 0) {
        errno = problem;
        return err_errno(err, ERR_IO, "starting %s", words[0]);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
           err_set(err, ERR_FORMAT, "not a clip that %s can read", words[0]);
}

/* --- the file --- */

static const char *find_demuxer(const struct str *file)
{
    static const struct {
        size_t at;
        const char *bytes, *demuxer;
    } kinds[] = {{4, "ftyp", "mov"}, {0, "\x1A\x45\xDF\xA3", "matroska"}, {8, "AVI ", "avi"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (file->length > 12 && memcmp(file->data + kinds[i].at, kinds[i].bytes, 4) == 0) {
            return kinds[i].demuxer;
        }
    }
    return NULL;
}

/* All of standard input as a file that can be sought in. */
static bool keep(struct clip *clip, int input, struct err *err)
{
    struct str file;
    char buffer[64 * 1024];
    ssize_t got;
    str_init(&file);
    while ((got = read(input, buffer, sizeof buffer)) > 0 && file.length <= DECODED_CLIP_BYTES) {
        str_append_bytes(&file, buffer, (size_t)got);
    }
    bool ok = got < 0 ? err_errno(err, ERR_IO, "reading the clip")
                      : file.length <= DECODED_CLIP_BYTES ||
                            err_set(err, ERR_LIMIT, "the clip has more than %d bytes",
                                    DECODED_CLIP_BYTES);
    clip->demuxer = find_demuxer(&file);
    if (ok && clip->demuxer == NULL) {
        ok = err_set(err, ERR_FORMAT, "not an MP4, MOV, WebM, Matroska or AVI file");
    }
    snprintf(clip->folder, sizeof clip->folder, "/dev/shm/carat-clip-XXXXXX");
    if (ok && mkdtemp(clip->folder) == NULL) {
        ok = err_errno(err, ERR_IO, "a folder for the clip");
    }
    snprintf(clip->file, sizeof clip->file, "%s/clip", clip->folder);
    FILE *out = ok ? fopen(clip->file, "wb") : NULL;
    if (ok && (out == NULL || fwrite(file.data, 1, file.length, out) != file.length)) {
        ok = err_errno(err, ERR_IO, "keeping the clip");
    }
    if (out != NULL && fclose(out) != 0) {
        ok = err_errno(err, ERR_IO, "keeping the clip");
    }
    str_finish(&file);
    return ok;
}

/* --- how long it is --- */

/* The number behind NAME=; 0 when it is not there. */
static uint64_t find_number(const char *report, const char *name, char **end)
{
    static char nothing[] = "";
    const char *at = strstr(report, name);
    *end = nothing;
    return at != NULL ? strtoull(at + strlen(name), end, 10) : 0;
}

static bool read_report(struct clip *clip, const char *report, struct err *err)
{
    char *end;
    clip->frames = find_number(report, "nb_read_packets=", &end);
    clip->rate = find_number(report, "avg_frame_rate=", &end);
    clip->scale = *end == '/' ? strtoull(end + 1, NULL, 10) : 0;
    if (clip->rate == 0 || clip->scale == 0) {
        clip->rate = RATE_UNKNOWN;
        clip->scale = 1;
    }
    if (clip->frames == 0) {
        return err_set(err, ERR_FORMAT, "the clip has no pictures");
    }
    if (clip->frames > 1000000 || clip->rate > 1000000000 || clip->scale > 1000000000) {
        return err_set(err, ERR_LIMIT, "the clip says that it has more frames than one minute");
    }
    uint64_t seconds = clip->frames * clip->scale / clip->rate;
    if (seconds > DECODED_CLIP_FRAMES) {
        return err_set(err, ERR_LIMIT, "the clip is %llu s long; %d s can be looked at",
                       (unsigned long long)seconds, DECODED_CLIP_FRAMES);
    }
    clip->count = seconds > 0 ? (size_t)seconds : 1;
    clip->count = clip->count < clip->frames ? clip->count : (size_t)clip->frames;
    return true;
}

static bool measure(struct clip *clip, struct err *err)
{
    char *words[] = {"ffprobe",
                     "-v",
                     "error",
                     "-f",
                     (char *)clip->demuxer,
                     "-protocol_whitelist",
                     "file",
                     "-select_streams",
                     "V:0",
                     "-count_packets",
                     "-show_entries",
                     "stream=nb_read_packets,avg_frame_rate",
                     "-of",
                     "default=nw=1",
                     clip->file,
                     NULL};
    char path[PATH_BYTES + 8];
    struct str report;
    snprintf(path, sizeof path, "%s/report", clip->folder);
    int output = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (output < 0) {
        return err_errno(err, ERR_IO, "a file for ffprobe");
    }
    str_init(&report);
    bool ok = run(words, output, err);
    close(output);
    ok = ok && file_read(path, REPORT_BYTES, &report, err) && read_report(clip, report.data, err);
    str_finish(&report);
    return ok;
}

/* --- frames --- */

static uint64_t number_of(const struct clip *clip, size_t frame)
{
    return frame * clip->frames / clip->count;
}

static bool extract(const struct clip *clip, struct err *err)
{
    struct str filter, files;
    char count[32];
    str_init(&filter);
    str_init(&files);
    str_append(&filter, "select=");
    for (size_t i = 0; i < clip->count; i++) {
        str_append_format(&filter, "%seq(n\\,%llu)", i > 0 ? "+" : "",
                          (unsigned long long)number_of(clip, i));
    }
    str_append(&filter, ",scale=w=min(iw\\," TEXT_OF(FRAME_SIDE) "):h=min(ih\\," TEXT_OF(
                            FRAME_SIDE) "):force_original_aspect_ratio=decrease:flags=bicubic");
    str_append_format(&files, "%s/%%02d.jpg", clip->folder);
    snprintf(count, sizeof count, "%zu", clip->count);
    char *words[WORDS_MAX] = {"ffmpeg",
                              "-v",
                              "error",
                              "-nostdin",
                              "-threads",
                              "1",
                              "-f",
                              (char *)clip->demuxer,
                              "-protocol_whitelist",
                              "file",
                              "-i",
                              (char *)clip->file,
                              "-map",
                              "0:V:0",
                              "-vf",
                              filter.data,
                              "-fps_mode",
                              "passthrough",
                              "-frames:v",
                              count,
                              "-c:v",
                              "mjpeg",
                              "-q:v",
                              "2",
                              "-pix_fmt",
                              "yuvj444p",
                              "-f",
                              "image2",
                              files.data};
    bool ok = run(words, STDERR_FILENO, err);
    str_finish(&filter);
    str_finish(&files);
    return ok;
}

/* The frames one behind the other, as media/decoded.h says. */
static bool collect(const struct clip *clip, struct str *out, struct err *err)
{
    char path[PATH_BYTES + 32];
    struct str file;
    bool ok = true;
    str_init(&file);
    for (size_t i = 0; ok && i < clip->count; i++) {
        str_clear(&file);
        snprintf(path, sizeof path, "%s/%02zu.jpg", clip->folder, i + 1);
        ok = file_read(path, DECODED_CLIP_BYTES, &file, err);
        if (!ok) {
            err_set(err, ERR_FORMAT, "%zu of %zu pictures of the clip can be read; it is damaged",
                    i, clip->count);
        } else if (out->length + file.length > DECODED_CLIP_BYTES) {
            ok = err_set(err, ERR_LIMIT, "the pictures of the clip have more than %d bytes",
                         DECODED_CLIP_BYTES);
        } else {
            unsigned char head[DECODED_FRAME_HEADER];
            decoded_write_frame_header((unsigned)(number_of(clip, i) * clip->scale / clip->rate),
                                       file.length, head);
            str_append_bytes(out, head, sizeof head);
            str_append_bytes(out, file.data, file.length);
        }
    }
    str_finish(&file);
    return ok;
}

/* --- all of it --- */

bool clip_decode(int input, int output, struct err *err)
{
    struct clip clip = {.count = 0};
    struct str frames;
    unsigned char header[DECODED_HEADER];
    str_init(&frames);
    bool ok = keep(&clip, input, err) && measure(&clip, err) && extract(&clip, err) &&
              collect(&clip, &frames, err);
    if (ok) {
        decoded_write_header(&(struct decoded){.kind = DECODED_CLIP, .count = clip.count}, header);
        ok = (file_write_all(output, header, sizeof header) &&
              file_write_all(output, frames.data, frames.length)) ||
             err_errno(err, ERR_IO, "writing what was decoded");
    }
    str_finish(&frames);
    return ok; /* the folder goes with the sandbox */
}
