/* control: that MemorySanitizer would say it, also of what passes through the libraries of which it
 * was told what they write. Each case uses what was never set, in a process of its own, which must
 * die of that; the last one must live. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <nettle/sha2.h>

enum { SIZE = 64 };

static void look(const void *bytes, size_t length)
{
    volatile int sum = 0;
    for (size_t i = 0; i < length; i++) {
        if (((const unsigned char *)bytes)[i] == 'x') {
            sum++;
        }
    }
}

static void plain(char *unset)
{
    look(unset, SIZE);
}

static void read_by_jansson(char *unset)
{
    memcpy(unset, "[\"", 2);
    json_decref(json_loadb(unset, SIZE, 0, NULL));
}

static void kept_by_jansson(char *unset)
{
    json_t *text = json_stringn_nocheck(unset, SIZE);
    look(json_string_value(text), json_string_length(text));
    json_decref(text);
}

static void hashed(char *unset)
{
    struct sha256_ctx state;
    sha256_init(&state);
    sha256_update(&state, SIZE, (const unsigned char *)unset);
}

static void nothing_unset(char *unset)
{
    unsigned char sum[SHA256_DIGEST_SIZE];
    struct sha256_ctx state;
    json_error_t error;
    memset(unset, 'a', SIZE);
    sha256_init(&state);
    sha256_update(&state, SIZE, (const unsigned char *)unset);
    sha256_digest(&state, sizeof sum, sum);
    look(sum, sizeof sum);
    json_decref(json_loadb(unset, SIZE, 0, &error));
    look(error.text, strlen(error.text));
    json_t *list = json_loads("[1.5, \"text\"]", 0, NULL);
    char *dumped = json_dumps(list, JSON_COMPACT);
    look(dumped, strlen(dumped));
    free(dumped);
    json_decref(list);
}

static bool dies(void (*work)(char *unset))
{
    pid_t child = fork();
    if (child == 0) {
        fclose(stderr);
        char *unset = malloc(SIZE);
        work(unset);
        free(unset);
        _exit(0);
    }
    int status;
    return waitpid(child, &status, 0) == child && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*work)(char *unset);
        bool dies;
    } cases[] = {
        {"plain", plain, true},
        {"read by jansson", read_by_jansson, true},
        {"kept by jansson", kept_by_jansson, true},
        {"hashed", hashed, true},
        {"nothing unset", nothing_unset, false},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (dies(cases[i].work) != cases[i].dies) {
            printf("%s: must %s\n", cases[i].name, cases[i].dies ? "be found" : "pass");
            wrong++;
        }
    }
    return wrong;
}
