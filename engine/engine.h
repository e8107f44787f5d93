/* engine.h: Gemma 4 inference. Model files in, tokens out.
 *
 * The public header of the engine (beside it: engine_media.h, pictures and sounds;
 * engine_drafter.h, guessing ahead); includes nothing but the C library. Two opaque things:
 *
 *   struct engine_model    a loaded model: weights (mapped), tokenizer, worker threads. Tokenizing
 * and looking things up is read-only and safe from any thread at any time. struct engine_session
 * one timeline: which tokens the K/V cache holds, and the logits after the last of them. One thread
 * at a time; of all sessions of one model, one may compute at a time. engine_session_cancel alone
 * may come from any thread.
 *
 * The caller of a session hands over the whole prompt each time (engine_session_sync); what is
 * reused and what is computed again is decided here, so no caller ever manages the cache.
 *
 * The engine knows tokens and logits. It knows no roles, tools, prompts or JSON; it never prints,
 * exits, or reads the environment; of signals it handles SIGBUS, in its mapped files alone, and
 * passes on what is not its own (load/map_guard.h). Functions that can fail return false (or NULL)
 * and fill `error` (which may be NULL); outputs are untouched then, and model and session stay
 * valid and usable. Memory that the engine hands out is released with engine_free.
 */
#ifndef CARAT_ENGINE_H
#define CARAT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct engine_model;
struct engine_session;

enum engine_code {
    ENGINE_OK = 0,
    ENGINE_BAD_ARGUMENT, /* a caller's mistake: the text names the argument and its value */
    ENGINE_BAD_MODEL,    /* the file is damaged or hostile: the text names it and what is wrong */
    ENGINE_UNSUPPORTED,  /* a sound file that this engine does not run */
    ENGINE_NOT_FOUND,    /* no such file */
    ENGINE_NO_MEMORY,
    ENGINE_IO,           /* reading failed; also a model file that changed while it was in use */
    ENGINE_CONTEXT_FULL, /* more tokens than the session's context; nothing was evaluated */
    ENGINE_CANCELLED,    /* engine_session_cancel; the session holds what was finished */
};

struct engine_error {
    enum engine_code code;
    char text[512];
};

/* --- sampling --- */

struct engine_bias {
    int32_t id;
    float value; /* added to the logit; minus infinity: never */
};

/* Order: bias, repetition penalty, temperature, top-k, top-p, min-p, softmax, draw (as
 * transformers). temperature 0 takes the best token behind the penalty (the lowest id of equals)
 * and ignores the rest. Members that are 0 are off, but top_p. */
struct engine_sampling {
    float temperature; /* >= 0 */
    int32_t top_k;     /* 0 = off; ties with the k-th are kept */
    float top_p;       /* 0 < p <= 1; 1 = off */
    uint64_t seed;     /* the draw at a position depends on seed and position alone */
    float min_p;       /* 0..1: only tokens at least so likely in proportion to the best one */
    float repetition_penalty;         /* of tokens that were there: logit / p, or * p below 0 */
    int32_t repetition_last;          /* among so many last tokens of the session; 0 = all */
    const struct engine_bias *biases; /* borrowed for the call */
    size_t bias_count;
};

/* --- models --- */

struct engine_model_options {
    /* A GGUF file of architecture gemma4 (of several parts the first), or a folder with safetensors
     * weights, config.json and tokenizer.json as Hugging Face publishes them. */
    const char *path;
    int threads; /* 0 = one worker for each core this process may use */
    /* Kernels: NULL = best for this machine; "scalar", "avx2", "avx512", "neon" force a set. */
    const char *cpu;
    /* float32 arithmetic throughout, as the reference computes. Else activations may be rounded
     * where the weights are rounded already: several times faster, logits off by some 1e-3 of their
     * range. */
    bool exact;
};

struct engine_model_info {
    const char *path;
    const char *name;    /* general.name, or "" */
    const char *kernels; /* the kernel set in use */
    uint64_t file_bytes;
    uint64_t fingerprint; /* changes when the weights or the tokenizer do */
    int32_t layer_count;
    int32_t hidden_size;
    int32_t vocabulary_size;
    int32_t context_length; /* what the model was made for */
    int32_t sliding_window;
    bool has_per_layer_embeddings; /* the small models: E2B, E4B */
    int32_t threads;
    struct engine_sampling sampling; /* as the file recommends, else temperature 1, k 64, p 0.95 */
    /* Ids that end an answer, by the model's format or by the file; and ids that no session ever
     * chooses: places of media, and what the file suppresses. Views that live as the model. */
    const int32_t *stop_ids, *suppressed_ids;
    size_t stop_count, suppressed_count;
};

/* Maps and checks the file; NULL on failure. */
struct engine_model *engine_model_open(const struct engine_model_options *options,
                                       struct engine_error *error);
/* Every session of the model must be destroyed before. NULL is fine. */
void engine_model_close(struct engine_model *model);
const struct engine_model_info *engine_model_info(const struct engine_model *model);

/* --- tokens --- */

enum engine_token_kind {
    ENGINE_TOKEN_TEXT,    /* ordinary: engine_token_bytes is what it stands for */
    ENGINE_TOKEN_BYTE,    /* one raw byte */
    ENGINE_TOKEN_CONTROL, /* structure or media, never text: engine_token_bytes is its spelling */
};

/* Text to ids, without BOS. With `control` false no byte sequence whatever yields a control token;
 * with true the spellings of control tokens are recognised (trusted text only). *ids is the
 * caller's (engine_free), also when *count is 0. Invalid UTF-8 becomes byte tokens. */
bool engine_tokenize(const struct engine_model *model, const char *text, size_t length,
                     bool control, int32_t **ids, size_t *count, struct engine_error *error);

/* The bytes of a token, U+2581 as a space; a view that lives as long as the model. May be part of a
 * UTF-8 sequence. false when id is outside the vocabulary. */
bool engine_token_bytes(const struct engine_model *model, int32_t id, const char **bytes,
                        size_t *length);
enum engine_token_kind engine_token_kind(const struct engine_model *model, int32_t id);

/* The id of the token spelled exactly so ("<|turn>"), or -1. */
int32_t engine_token_find(const struct engine_model *model, const char *spelling);

void engine_free(void *memory);

/* --- sessions --- */

enum engine_kv_type {
    ENGINE_KV_F32,
    ENGINE_KV_F16,
    ENGINE_KV_Q8, /* 8-bit blocks of 32 with a half as their scale: 8.5 bits a value */
};

struct engine_session_options {
    int32_t context; /* most tokens it can hold: 1 .. the model's context_length; 0 = that length */
    enum engine_kv_type kv_type;
};

struct engine_session *engine_session_create(struct engine_model *model,
                                             const struct engine_session_options *options,
                                             struct engine_error *error);
void engine_session_destroy(struct engine_session *session);

/* What a model and a full session of it take, in bytes. */
struct engine_plan {
    uint64_t mapped, touched;         /* all files; of them what a token reads, at most */
    uint64_t kv, copies, work, total; /* own memory (copies of rings; activations, tables); all */
    uint64_t memory;                  /* what there is: it fits when total is no more */
    int32_t context, largest_context; /* planned; the most that would fit, 0: none */
};
/* From the files' headers alone. memory 0: what the system and the process's limits leave just now;
 * engine_session_create refuses (ENGINE_NO_MEMORY) what is more. false as engine_model_open. */
bool engine_plan(const struct engine_model_options *options,
                 const struct engine_session_options *session, uint64_t memory,
                 struct engine_plan *plan, struct engine_error *error);

int32_t engine_session_context(const struct engine_session *session);

/* The tokens that the session holds; a view until the next call that changes it. */
const int32_t *engine_session_tokens(const struct engine_session *session, size_t *count);

/* Called from the computing thread after each chunk of a prefill: `done` of `total` new tokens. */
void engine_session_on_progress(struct engine_session *session,
                                void (*progress)(void *context, size_t done, size_t total),
                                void *context);

/* Makes the session hold exactly ids[0..count) (count >= 1), computing as little as it can, so that
 * the logits after the last id are there. *reused (may be NULL) gets how many were kept. After a
 * cancel or a failure the session holds a prefix of ids. */
bool engine_session_sync(struct engine_session *session, const int32_t *ids, size_t count,
                         size_t *reused, struct engine_error *error);

/* Appends ids, and writes the logits after each of them to logits[count][vocabulary_size] (after
 * the soft cap), or with NULL keeps the last alone, as append does. On failure the rows of the
 * tokens that the session took are valid. */
bool engine_session_evaluate(struct engine_session *session, const int32_t *ids, size_t count,
                             float *logits, struct engine_error *error);

/* Appends one token: a decode step. */
bool engine_session_append(struct engine_session *session, int32_t id, struct engine_error *error);

/* The logits after the last token, [vocabulary_size], after the soft cap: a view until the next
 * call that changes the session. NULL when there are none: the session holds no token, or a sync
 * was stopped before its last one. */
const float *engine_session_logits(const struct engine_session *session);

/* Chooses a next token from those logits; does not append it. Tokens in banned[0..banned_count)
 * have no chance. */
bool engine_session_sample(struct engine_session *session, const struct engine_sampling *sampling,
                           const int32_t *banned, size_t banned_count, int32_t *id,
                           struct engine_error *error);

struct engine_logprob {
    int32_t id;
    float logprob; /* natural, of the softmax of the logits as they are: no sampling rule counts */
};

/* best[0..count) gets the most likely next tokens, the best first (of equals the lowest id);
 * *logprob (may be NULL) that of `id`. count: 0 .. vocabulary_size. */
bool engine_session_logprobs(struct engine_session *session, struct engine_logprob *best,
                             size_t count, int32_t id, float *logprob, struct engine_error *error);

/* Saves what the session holds: tokens, keys and values, logits. Written to a temporary file beside
 * `path`, synced, renamed over it. */
bool engine_session_save(const struct engine_session *session, const char *path,
                         struct engine_error *error);

/* Makes the session hold what was saved by a session of the same model and K/V type, as if it had
 * computed it itself. ENGINE_BAD_MODEL when the file is damaged, ENGINE_UNSUPPORTED when it is of
 * another model, K/V type or version, ENGINE_CONTEXT_FULL when its tokens do not fit. Takes as much
 * memory again for the time it takes. */
bool engine_session_restore(struct engine_session *session, const char *path,
                            struct engine_error *error);

/* The same, with the choice limited to allowed[0..count), count >= 1, each id once: temperature,
 * top-k and top-p work among those alone. */
bool engine_session_sample_among(struct engine_session *session,
                                 const struct engine_sampling *sampling, const int32_t *allowed,
                                 size_t count, int32_t *id, struct engine_error *error);

/* Asks a running sync, evaluate or append to stop; any thread; looked at between layers. The
 * request stays until engine_session_resume, so that a cancel that comes a moment early is not
 * lost. */
void engine_session_cancel(struct engine_session *session);
void engine_session_resume(struct engine_session *session);

#ifdef __cplusplus
}
#endif

#endif
