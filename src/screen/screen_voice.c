/* screen_voice: see screen_voice.h.
 *
 * What was said waits in `sounds` until it is used: its words are asked for when nothing runs
 * (`asking` once they are), or it goes with a message. `for_input` and
 * `send` say which.
 */
#include "screen/screen_voice.h"

#include <ctype.h>
#include <string.h>

#include "app/speaker.h"
#include "app/talk.h"
#include "attachment/recording.h"
#include "base/mem.h"
#include "base/visible.h"
#include "chat/conversation.h"
#include "chat/medium.h"
#include "screen/screen_state.h"
#include "voice/sound_system.h"
#include "voice/speech_pieces.h"

/* How often a question that could not be asked is tried again. Less than SHORTEST was a slip of the
 * finger. */
enum { RETRY_MS = 100, SHORTEST = 16000 * 3 / 10, PIECES_MAX = 40 };

struct screen_voice {
    struct talk *talk;
    struct speaker *speaker;
    uv_timer_t retry;
    struct chat_medium *sounds[PIECES_MAX]; /* that were said and not used yet */
    size_t count;
    bool hands_free; /* /listen */
    bool send;       /* they are to be sent as sound */
    bool asking;     /* the model is asked for their words */
    bool for_input;  /* the words go into the input, also when voice.review is off */
    bool says;       /* /say */
    struct str activity;
};

static bool is_idle(const struct screen *screen)
{
    const struct screen_voice *voice = screen->voice;
    return !talk_active(voice->talk) && !speaker_active(voice->speaker) && voice->count == 0 &&
           !agent_busy(screen->app.agent);
}

static void forget_sounds(struct screen_voice *voice)
{
    while (voice->count > 0) {
        chat_medium_release(voice->sounds[--voice->count]);
    }
    voice->asking = voice->send = false;
}

/* Hands-free: when nothing else goes on, the microphone opens again. */
static void listen_again(struct screen *screen)
{
    if (screen->voice->hands_free && is_idle(screen)) {
        talk_start(screen->voice->talk);
    }
}

static void end_hands_free(struct screen *screen, const char *why)
{
    if (screen->voice->hands_free) {
        screen->voice->hands_free = false;
        screen_notice(screen, false, "%s /listen begins again.", why);
    }
}

static void retry(uv_timer_t *timer);

static void try_again_soon(struct screen_voice *voice)
{
    uv_timer_start(&voice->retry, retry, RETRY_MS, 0);
}

/* --- what was said --- */

/* The sound itself is the message, with what stands in the input. */
static void send_sound(struct screen *screen)
{
    struct screen_voice *voice = screen->voice;
    struct agent *agent = screen->app.agent;
    struct err err;
    size_t before = agent_attached(agent);
    char *text = mem_strdup(tui_draft(screen->tui));
    for (size_t i = 0; i < voice->count; i++) {
        agent_attach_medium(agent, voice->sounds[i]);
    }
    bool ok = agent_steer(agent, text, strlen(text), &err);
    if (ok) {
        tui_set_draft(screen->tui, "");
    } else {
        agent_detach(agent, before);
        screen_notice(screen, true, "what you said was not sent: %s", err.text);
    }
    mem_free(text);
    forget_sounds(voice);
}

/* The words can be asked for when nothing runs; until then they wait. */
static void ask_words(struct screen *screen)
{
    struct screen_voice *voice = screen->voice;
    struct err err;
    if (voice->count == 0 || voice->asking) {
        return;
    }
    voice->asking = agent_ask_words(screen->app.agent, voice->sounds, voice->count, &err);
    if (voice->asking) {
        str_clear(&screen->activity);
        str_append(&screen->activity, "writing down what you said");
    } else if (err.code == ERR_UNAVAILABLE || agent_busy(screen->app.agent)) {
        try_again_soon(voice);
    } else {
        screen_notice(screen, true, "what you said cannot be written down: %s", err.text);
        forget_sounds(voice);
        end_hands_free(screen, "Listening is off.");
    }
    screen_refresh_status(screen);
}

/* "Stop listening." is "stop listening". */
static bool same_words(const char *a, const char *b)
{
    for (;;) {
        while (*a != '\0' && !isalnum((unsigned char)*a) && (unsigned char)*a < 0x80) {
            a++;
        }
        while (*b != '\0' && !isalnum((unsigned char)*b) && (unsigned char)*b < 0x80) {
            b++;
        }
        if (*a == '\0' || *b == '\0') {
            return *a == *b;
        }
        if (tolower((unsigned char)*a++) != tolower((unsigned char)*b++)) {
            return false;
        }
    }
}

/* Behind what stands in the input already. */
static void put_into_input(struct screen *screen, const char *words)
{
    struct str draft;
    str_init(&draft);
    str_append(&draft, tui_draft(screen->tui));
    if (draft.length > 0 && draft.data[draft.length - 1] != ' ') {
        str_append_char(&draft, ' ');
    }
    str_append(&draft, words);
    tui_set_draft(screen->tui, draft.data);
    str_finish(&draft);
}

static void words_came(struct screen *screen, const char *text, size_t length)
{
    struct screen_voice *voice = screen->voice;
    struct str words; /* one line, nothing hidden in it */
    if (!voice->asking) {
        return; /* thrown away meanwhile */
    }
    str_init(&words);
    visible_append(&words, text, length, VISIBLE_LINE);
    while (words.length > 0 && isspace((unsigned char)words.data[words.length - 1])) {
        str_truncate(&words, words.length - 1);
    }
    str_clear(&screen->activity);
    if (words.length == 0) {
        screen_notice(screen, false, "No words were understood.");
        forget_sounds(voice);
    } else if (!voice->hands_free || voice->for_input) {
        put_into_input(screen, words.data);
        forget_sounds(voice);
    } else if (same_words(words.data, config_string(screen->config, OPTION_VOICE_STOP_WORD))) {
        forget_sounds(voice);
        end_hands_free(screen, "You said the stop word.");
    } else {
        screen_notice(screen, false, "heard: %s", words.data);
        voice->asking = false;
        voice->send = true; /* once this question counts as over */
        try_again_soon(voice);
    }
    str_finish(&words);
}

/* Speech in pieces that the model can hear. */
static void keep_sounds(struct screen_voice *voice, const float *samples, size_t count)
{
    forget_sounds(voice);
    for (size_t at = 0, piece; at < count && voice->count < PIECES_MAX; at += piece) {
        piece = speech_pieces_next(samples + at, count - at);
        voice->sounds[voice->count++] = recording_create(samples + at, piece);
    }
}

static void talk_ended(void *context, const struct talk_result *result)
{
    struct screen *screen = context;
    struct screen_voice *voice = screen->voice;
    if (result->err != NULL) {
        screen_notice(screen, true, "%s", result->err->text);
        end_hands_free(screen, "Listening is off.");
    }
    if (result->lost_ms > 0 && !result->discarded) {
        screen_notice(screen, true, "%llu ms of what you said were lost on the way here",
                      (unsigned long long)result->lost_ms);
    }
    bool heard = result->count >= SHORTEST && (result->speech || result->err == NULL);
    if (!heard && !result->discarded && result->err == NULL) {
        screen_notice(screen, false, "Nothing was heard.");
    }
    if (heard) {
        keep_sounds(voice, result->samples, result->count);
        /* What a failing device left over is looked at before it is sent. */
        voice->for_input =
            result->err != NULL ||
            (!voice->hands_free && config_boolean(screen->config, OPTION_VOICE_REVIEW));
        if (voice->for_input || voice->hands_free) {
            ask_words(screen);
        } else {
            send_sound(screen);
        }
    }
    listen_again(screen);
    screen_refresh_status(screen);
}

/* --- what else happens --- */

static void talk_changed(void *context)
{
    screen_refresh_status(context);
}

static void speaker_silent(void *context, const char *why)
{
    struct screen *screen = context;
    if (why != NULL) {
        screen->voice->says = false;
        screen_notice(screen, true, "%s", why);
    }
    listen_again(screen);
    screen_refresh_status(screen);
}

void screen_voice_event(struct screen *screen, const struct agent_event *event)
{
    struct screen_voice *voice = screen->voice;
    if (voice == NULL) {
        return; /* the conversation is still being opened */
    }
    switch (event->kind) {
    case AGENT_WORDS:
        words_came(screen, event->text, event->length);
        break;
    case AGENT_MESSAGE:
        if (voice->says && !talk_active(voice->talk)) {
            speaker_say(voice->speaker, event->message->text, strlen(event->message->text));
        }
        break;
    case AGENT_TURN_ENDED:
    case AGENT_FAILED:
        try_again_soon(voice); /* the turn counts as running until this returns */
        break;
    default:
        break;
    }
}

/* --- keys and commands --- */

void screen_voice_toggle(struct screen *screen)
{
    struct screen_voice *voice = screen->voice;
    if (talk_active(voice->talk)) {
        talk_stop(voice->talk, false);
    } else if (voice->count > 0) {
        screen_notice(screen, false, "What you said before is still being written down.");
    } else {
        speaker_stop(voice->speaker); /* it would be heard */
        talk_start(voice->talk);
    }
}

/* False, with words, when it is neither "on", "off" nor nothing. */
static bool switched(struct screen *screen, const char *name, const char *argument, bool now,
                     bool *wanted)
{
    *wanted = argument[0] == '\0' ? !now : strcmp(argument, "on") == 0;
    if (argument[0] != '\0' && !*wanted && strcmp(argument, "off") != 0) {
        screen_notice(screen, true, "/%s %s: say /%s on or /%s off", name, argument, name, name);
        return false;
    }
    return true;
}

void screen_voice_listen(struct screen *screen, const char *argument)
{
    struct screen_voice *voice = screen->voice;
    bool wanted;
    if (!switched(screen, "listen", argument, voice->hands_free, &wanted)) {
        return;
    }
    if (!wanted) {
        talk_stop(voice->talk, true);
        end_hands_free(screen, "Listening is off.");
        return;
    }
    if (config_whole(screen->config, OPTION_VOICE_PAUSE) == 0) {
        screen_notice(screen, true, "/listen needs a pause that ends speech: voice.pause_ms is 0");
        return;
    }
    voice->hands_free = true;
    screen_notice(screen, false, "Listening until you say \"%s\", or Esc.",
                  config_string(screen->config, OPTION_VOICE_STOP_WORD));
    listen_again(screen);
}

void screen_voice_say(struct screen *screen, const char *argument)
{
    struct screen_voice *voice = screen->voice;
    if (switched(screen, "say", argument, voice->says, &voice->says)) {
        if (!voice->says) {
            speaker_stop(voice->speaker);
        }
        screen_notice(screen, false, "Answers are %s.", voice->says ? "spoken" : "not spoken");
    }
}

bool screen_voice_interrupt(struct screen *screen)
{
    struct screen_voice *voice = screen->voice;
    if (talk_active(voice->talk)) {
        talk_stop(voice->talk, true);
        end_hands_free(screen, "Listening is off.");
        return true;
    }
    if (voice->count > 0) {
        forget_sounds(voice);
        agent_cancel(screen->app.agent);
        end_hands_free(screen, "Listening is off.");
        return true;
    }
    return false;
}

void screen_voice_key(struct screen *screen)
{
    speaker_stop(screen->voice->speaker);
}

bool screen_voice_active(const struct screen *screen)
{
    return screen->voice != NULL && talk_active(screen->voice->talk);
}

const char *screen_voice_activity(struct screen *screen)
{
    if (!screen_voice_active(screen)) {
        return screen->activity.data;
    }
    str_clear(&screen->voice->activity);
    talk_meter(screen->voice->talk, &screen->voice->activity);
    return screen->voice->activity.data;
}

/* --- opening and closing --- */

/* What could not be done at once: words that are not asked for yet, speech that is to be sent, and
 * listening that goes on. */
static void retry(uv_timer_t *timer)
{
    struct screen *screen = timer->data;
    struct screen_voice *voice = screen->voice;
    if (voice->count > 0 && voice->send) {
        send_sound(screen);
    } else if (voice->count > 0 && !voice->asking) {
        ask_words(screen);
    }
    listen_again(screen);
    screen_refresh_status(screen);
}

void screen_voice_open(struct screen *screen)
{
    const struct config *config = screen->config;
    struct screen_voice *voice = mem_zero(1, sizeof *voice);
    const struct talk_callbacks callbacks = {talk_changed, talk_ended, screen};
    uv_loop_t *loop = &screen->app.loop;
    voice->talk = talk_create(loop, sound_system_driver(),
                              (int)config_whole(config, OPTION_VOICE_PAUSE), &callbacks);
    voice->speaker =
        speaker_create(loop, config_list(config, OPTION_VOICE_COMMAND), speaker_silent, screen);
    voice->says = config_boolean(config, OPTION_VOICE_SAY);
    uv_timer_init(loop, &voice->retry);
    voice->retry.data = screen;
    str_init(&voice->activity);
    screen->voice = voice;
}

void screen_voice_close(struct screen *screen)
{
    struct screen_voice *voice = screen->voice;
    voice->hands_free = false;
    talk_close(voice->talk);
    speaker_close(voice->speaker);
    uv_close((uv_handle_t *)&voice->retry, NULL);
}

void screen_voice_finish(struct screen *screen)
{
    struct screen_voice *voice = screen->voice;
    forget_sounds(voice);
    talk_destroy(voice->talk);
    speaker_destroy(voice->speaker);
    str_finish(&voice->activity);
    mem_free(voice);
    screen->voice = NULL;
}
