/* infer: the functions of the interface, each handed to the back end that was created. */
#include "infer/infer.h"

void infer_submit(struct infer *infer, struct infer_request *request)
{
    infer->ops->submit(infer, request);
}

void infer_cancel(struct infer *infer)
{
    if (infer != NULL) {
        infer->ops->cancel(infer);
    }
}

bool infer_keep(struct infer *infer, enum infer_keeping keeping, uint64_t number, const char *path)
{
    return infer != NULL && infer->ops->keep != NULL &&
           infer->ops->keep(infer, keeping, number, path);
}

struct listener {
    struct infer *infer;
    infer_callback *callback;
    void *context;
};

static void hand_over(void *context, const struct infer_event *event)
{
    struct listener *listener = context;
    struct infer *infer = listener->infer;
    if (event->kind == INFER_FAILED && event->number == 0 && infer->ops->model(infer) == NULL) {
        infer->lost = event->error;
    }
    listener->callback(listener->context, event);
}

void infer_poll(struct infer *infer, infer_callback *callback, void *context)
{
    struct listener listener = {infer, callback, context};
    if (infer != NULL) {
        infer->ops->poll(infer, hand_over, &listener);
    }
}

const struct err *infer_lost(const struct infer *infer)
{
    return infer != NULL && infer->lost.code != ERR_NONE ? &infer->lost : NULL;
}

void infer_pace(struct infer *infer, bool paced)
{
    if (infer != NULL && infer->ops->pace != NULL) {
        infer->ops->pace(infer, paced);
    }
}

const struct infer_model *infer_model(const struct infer *infer)
{
    return infer != NULL ? infer->ops->model(infer) : NULL;
}

const struct control_ids *infer_control(const struct infer *infer)
{
    return infer != NULL ? infer->ops->control(infer) : NULL;
}

bool infer_spells(const struct infer *infer)
{
    return infer_model(infer) != NULL && infer->ops->spell != NULL;
}

bool infer_spell(const struct infer *infer, int32_t id, const char **bytes, size_t *length)
{
    return infer->ops->spell(infer, id, bytes, length);
}

void infer_destroy(struct infer *infer)
{
    if (infer != NULL) {
        infer->ops->destroy(infer);
    }
}
