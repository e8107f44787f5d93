/* fault: why a request is not answered, in the words of the protocols: a status, OpenAI's type,
 * code and param, and a sentence. A plain value. */
#ifndef CARAT_SERVE_FAULT_H
#define CARAT_SERVE_FAULT_H

#include <jansson.h>
#include <stdbool.h>

struct err;

struct fault {
    int status;
    const char *code;  /* NULL = null */
    const char *param; /* the member of the request that is meant; NULL = null */
    char text[1024];
};

/* Return false. `code` and `param` are literals. */
bool fault_set(struct fault *fault, int status, const char *code, const char *param,
               const char *format, ...) __attribute__((format(printf, 5, 6)));
bool fault_from_err(struct fault *fault, int status, const char *code, const char *param,
                    const struct err *err);

/* OpenAI's {"error": {message, type, param, code}}, and Ollama's {"error": message}. New. */
json_t *fault_openai(const struct fault *fault);
json_t *fault_ollama(const struct fault *fault);

#endif
