/* turn_bench: from a message to the model's first step. Prints numbers beside the goal, judges
 * nothing; not part of the tests.
 *
 *     tests/agent/turn_bench MODEL FOLDER [MESSAGES]
 *
 * A conversation on a model file, with its store in FOLDER (what a commit costs is the disk's:
 * /dev/shm shows the rest), and as many messages (20). Of each: until the request is handed to the
 * engine's thread, with the prompt rendered and the calls' grammar made; until that thread has read
 * the first piece of the prompt, which has the step itself in it; and until the message is on disk
 * and the loop goes on, which is meanwhile.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "agent/agent.h"
#include "approval/approval.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "infer/infer.h"
#include "store/store.h"

enum { MESSAGES_MOST = 1000, POLL_US = 200 };

/* The engine behind a door that looks at the clock. */
struct door {
    struct infer infer;
    struct infer_ops ops;
    struct infer *real;
    _Atomic int64_t handed_us, read_us; /* 0: not yet */
};

struct bench {
    struct door door;
    struct agent *agent;
    bool ready, ended;
};

static void door_submit(struct infer *infer, struct infer_request *request)
{
    struct door *door = (struct door *)infer;
    infer_submit(door->real, request);
    atomic_store(&door->handed_us, clock_monotonic_us());
}

static void door_cancel(struct infer *infer)
{
    infer_cancel(((struct door *)infer)->real);
}

static void door_poll(struct infer *infer, infer_callback *callback, void *context)
{
    infer_poll(((struct door *)infer)->real, callback, context);
}

static const struct infer_model *door_model(const struct infer *infer)
{
    return infer_model(((const struct door *)infer)->real);
}

static const struct control_ids *door_control(const struct infer *infer)
{
    return infer_control(((const struct door *)infer)->real);
}

/* The first event of a request: a piece of its prompt has been read. */
static void on_wake(void *context)
{
    struct door *door = context;
    int64_t none = 0;
    if (atomic_load(&door->handed_us) != 0) {
        atomic_compare_exchange_strong(&door->read_us, &none, clock_monotonic_us());
    }
}

static void on_event(void *context, const struct agent_event *event)
{
    struct bench *bench = context;
    bench->ready |= event->kind == AGENT_READY;
    bench->ended |= event->kind == AGENT_TURN_ENDED;
    if (event->kind == AGENT_FAILED) {
        fprintf(stderr, "turn_bench: %.*s\n", (int)event->length, event->text);
        exit(1);
    }
}

static void hand_over(void *context, const struct infer_event *event)
{
    agent_infer_event(((struct bench *)context)->agent, event);
}

static void run_until(struct bench *bench, const bool *flag)
{
    while (!*flag) {
        usleep(POLL_US);
        infer_poll(bench->door.real, hand_over, bench);
    }
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void print_row(const char *what, const char *goal, double *times, int count)
{
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("| %s: least, median, most of %d | %s | %.2f, %.2f, %.2f ms |\n", what, count, goal,
           times[0], times[count / 2], times[count - 1]);
}

static void measure(struct bench *bench, int count)
{
    static double handed[MESSAGES_MOST], read[MESSAGES_MOST], kept[MESSAGES_MOST];
    for (int i = 0; i < count; i++) {
        struct err err;
        char text[64];
        int length = snprintf(text, sizeof text, "message %d, hello", i);
        atomic_store(&bench->door.handed_us, 0);
        atomic_store(&bench->door.read_us, 0);
        bench->ended = false;
        int64_t begun = clock_monotonic_us();
        if (!agent_submit(bench->agent, text, (size_t)length, &err)) {
            fprintf(stderr, "turn_bench: %s\n", err.text);
            exit(1);
        }
        kept[i] = (double)(clock_monotonic_us() - begun) / 1000;
        run_until(bench, &bench->ended);
        handed[i] = (double)(atomic_load(&bench->door.handed_us) - begun) / 1000;
        read[i] = (double)(atomic_load(&bench->door.read_us) - begun) / 1000;
    }
    printf("| Figure | Goal | Measured |\n| --- | --- | --- |\n");
    print_row("a message until its request is the engine's", "", handed, count);
    print_row("a message until the end of the first step of prefill", "2 ms and the step", read,
              count);
    print_row("a message until it is on disk and the loop is free", "", kept, count);
}

int main(int argc, char **argv)
{
    struct err err;
    struct approval_rules rules;
    struct bench bench = {.door = {.ops = {.submit = door_submit,
                                           .cancel = door_cancel,
                                           .poll = door_poll,
                                           .model = door_model,
                                           .control = door_control}}};
    if (argc < 3) {
        fprintf(stderr, "turn_bench MODEL FOLDER [MESSAGES]\n");
        return 2;
    }
    int count = argc > 3 ? atoi(argv[3]) : 20;
    count = count < 1 ? 1 : count > MESSAGES_MOST ? MESSAGES_MOST : count;
    struct str path;
    str_init(&path);
    str_append_format(&path, "%s/turn_bench.db", argv[2]);
    struct store *store = store_open(path.data, &err);
    if (store == NULL) {
        fprintf(stderr, "turn_bench: %s\n", err.text);
        return 1;
    }
    bench.door.infer.ops = &bench.door.ops;
    bench.door.real = infer_local_create(&(struct infer_local_options){
        .path = argv[1], .wake = on_wake, .wake_context = &bench.door});
    approval_rules_init(&rules);
    struct agent_options options = {.infer = &bench.door.infer,
                                    .store = store,
                                    .workspace = "/w",
                                    .settings.limits = {.steps = 1,
                                                        .tokens = 16,
                                                        .tokens_per_step = 16,
                                                        .calls = 1,
                                                        .repeated_calls = 3},
                                    .rules = &rules,
                                    .mode = APPROVAL_READ_ONLY,
                                    .unattended = true};
    bench.agent = agent_create(&options, on_event, &bench, &err);
    if (bench.agent == NULL || bench.door.real == NULL) {
        fprintf(stderr, "turn_bench: %s\n", err.text);
        return 1;
    }
    run_until(&bench, &bench.ready);
    measure(&bench, count);
    agent_destroy(bench.agent);
    infer_destroy(bench.door.real);
    approval_rules_finish(&rules);
    store_close(store);
    str_finish(&path);
    return 0;
}
