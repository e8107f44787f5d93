#include "infer/remote_think.h"

#include <string.h>

static const char open_tag[] = "<think>", close_tag[] = "</think>";

static const char *tag_of(const struct remote_think *think)
{
    return think->state == REMOTE_THINK_START ? open_tag : close_tag;
}

static void let_go(struct remote_think *think, remote_think_callback *said, void *context)
{
    if (think->held_length > 0) {
        said(context, think->state == REMOTE_THINK_THOUGHT, think->held, think->held_length);
        think->held_length = 0;
    }
}

/* A whole tag is held. */
static void turn_over(struct remote_think *think)
{
    think->held_length = 0;
    think->state = think->state == REMOTE_THINK_START ? REMOTE_THINK_THOUGHT : REMOTE_THINK_TEXT;
}

/* One byte that is not the next of the tag: what was held was none, and at the start there will be
 * none any more. The byte may begin a tag itself. True when it is used up. */
static bool disappoint(struct remote_think *think, char byte, remote_think_callback *said,
                       void *context)
{
    if (think->state == REMOTE_THINK_START) {
        think->state = REMOTE_THINK_TEXT;
        let_go(think, said, context);
        return false;
    }
    let_go(think, said, context);
    if (byte == '<') {
        think->held[think->held_length++] = byte;
        return true;
    }
    return false;
}

void remote_think_feed(struct remote_think *think, const char *bytes, size_t length,
                       remote_think_callback *said, void *context)
{
    size_t begin = 0; /* of what is passed on as it is */
    for (size_t at = 0; at < length && think->state != REMOTE_THINK_TEXT; at++) {
        const char *tag = tag_of(think);
        char byte = bytes[at];
        if (byte == tag[think->held_length]) {
            if (think->held_length == 0 && at > begin) {
                said(context, think->state == REMOTE_THINK_THOUGHT, bytes + begin, at - begin);
            }
            think->held[think->held_length++] = byte;
            if (tag[think->held_length] == '\0') {
                turn_over(think);
            }
            begin = at + 1;
        } else if (think->held_length > 0 || think->state == REMOTE_THINK_START) {
            begin = disappoint(think, byte, said, context) ? at + 1 : at;
        }
    }
    if (begin < length) {
        said(context, think->state == REMOTE_THINK_THOUGHT, bytes + begin, length - begin);
    }
}

void remote_think_end(struct remote_think *think, remote_think_callback *said, void *context)
{
    if (think->state == REMOTE_THINK_START) {
        think->state = REMOTE_THINK_TEXT;
    }
    let_go(think, said, context);
}
