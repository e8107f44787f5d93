/* sound_system: see sound_system.h. */
#include "voice/sound_system.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <portaudio.h>

#include "base/late.h"
#include "voice/sound_stream.h"

/* What of PortAudio is used: its header gives the types, late_load fills in the addresses. */
static struct {
    __typeof__(Pa_Initialize) *initialize;
    __typeof__(Pa_Terminate) *terminate;
    __typeof__(Pa_GetDefaultInputDevice) *default_input;
    __typeof__(Pa_GetDeviceInfo) *device_info;
    __typeof__(Pa_IsFormatSupported) *is_format_supported;
    __typeof__(Pa_OpenStream) *open_stream;
    __typeof__(Pa_StartStream) *start_stream;
    __typeof__(Pa_AbortStream) *abort_stream;
    __typeof__(Pa_CloseStream) *close_stream;
    __typeof__(Pa_IsStreamActive) *is_stream_active;
    __typeof__(Pa_GetErrorText) *error_text;
} functions;

static const struct late_symbol portaudio_symbols[] = {
    {"Pa_Initialize", &functions.initialize},
    {"Pa_Terminate", &functions.terminate},
    {"Pa_GetDefaultInputDevice", &functions.default_input},
    {"Pa_GetDeviceInfo", &functions.device_info},
    {"Pa_IsFormatSupported", &functions.is_format_supported},
    {"Pa_OpenStream", &functions.open_stream},
    {"Pa_StartStream", &functions.start_stream},
    {"Pa_AbortStream", &functions.abort_stream},
    {"Pa_CloseStream", &functions.close_stream},
    {"Pa_IsStreamActive", &functions.is_stream_active},
    {"Pa_GetErrorText", &functions.error_text},
};

/* The part of ALSA that tells whether it has a configuration. */
static struct {
    int (*update)(void);
    int (*search)(void *config, const char *key, void **result);
    void **config;
} alsa;

static const struct late_symbol alsa_symbols[] = {
    {"snd_config_update", &alsa.update},
    {"snd_config_search", &alsa.search},
    {"snd_config", &alsa.config},
};

static struct late_library portaudio_library = {
    "libportaudio.so.2", portaudio_symbols, sizeof portaudio_symbols / sizeof portaudio_symbols[0],
    PTHREAD_MUTEX_INITIALIZER, false};
static struct late_library alsa_library = {"libasound.so.2", alsa_symbols,
                                           sizeof alsa_symbols / sizeof alsa_symbols[0],
                                           PTHREAD_MUTEX_INITIALIZER, false};

struct sound_system {
    struct microphone_driver driver;
    pthread_mutex_t one; /* held from open to close */
    int standard_error;  /* as it was before; -1 = it was closed */
    PaStreamParameters parameters;
    double rate;
    PaStream *stream;
    microphone_sink *sink;
    void *context;
};

/* --- loading --- */

/* PortAudio and the libraries under it (ALSA, JACK) write on standard error, some of it without any
 * way to stop them, and that is the screen. So it leads nowhere from open to close: only the one
 * who holds `one` does this. */
static void hush(struct sound_system *system)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    system->standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (nowhere >= 0 && system->standard_error >= 0) {
        dup2(nowhere, STDERR_FILENO);
    }
    if (nowhere >= 0) {
        close(nowhere);
    }
}

static void speak_again(struct sound_system *system)
{
    if (system->standard_error >= 0) {
        dup2(system->standard_error, STDERR_FILENO);
        close(system->standard_error);
    }
    pthread_mutex_unlock(&system->one);
}

/* PortAudio aborts the whole program where ALSA's configuration names no device at all, as when its
 * files are missing. So ALSA is asked before. */
static bool alsa_is_configured(struct err *err)
{
    void *devices = NULL;
    if (!late_load(&alsa_library, NULL)) {
        return true; /* a PortAudio without ALSA */
    }
    return (alsa.update() >= 0 && *alsa.config != NULL &&
            alsa.search(*alsa.config, "pcm", &devices) >= 0) ||
           err_set(err, ERR_UNAVAILABLE,
                   "there is no microphone: ALSA's configuration names no device");
}

static bool load(struct err *err)
{
    return (late_load(&portaudio_library, err) ||
            err_prefix(err, "the microphone needs PortAudio (package libportaudio2)")) &&
           alsa_is_configured(err);
}

/* --- the driver --- */

static bool worked(PaError error, const char *doing, struct err *err)
{
    return error == paNoError ||
           err_set(err, ERR_UNAVAILABLE, "%s: %s", doing, functions.error_text(error));
}

/* The real-time thread's: hands the frames on, and nothing else. */
static int deliver(const void *input, void *output, unsigned long count,
                   const PaStreamCallbackTimeInfo *time, PaStreamCallbackFlags flags, void *context)
{
    struct sound_system *system = context;
    (void)output;
    (void)time;
    size_t lost = flags & paInputOverflow ? count : 0; /* at least a buffer; more is not told */
    if (input != NULL) {
        system->sink(system->context, input, count, lost);
    }
    return paContinue;
}

/* What the model hears if the device can do it, else the device's own rate. */
static void choose_format(struct sound_system *system, const PaDeviceInfo *info)
{
    PaStreamParameters *parameters = &system->parameters;
    parameters->channelCount = 1;
    system->rate = SOUND_STREAM_RATE;
    if (functions.is_format_supported(parameters, NULL, system->rate) != paNoError) {
        system->rate = info->defaultSampleRate;
        if (functions.is_format_supported(parameters, NULL, system->rate) != paNoError) {
            parameters->channelCount = info->maxInputChannels < 2 ? info->maxInputChannels : 2;
        }
    }
}

static bool find_device(struct sound_system *system, struct microphone_format *format,
                        struct err *err)
{
    PaDeviceIndex device = functions.default_input();
    const PaDeviceInfo *info = device != paNoDevice ? functions.device_info(device) : NULL;
    if (info == NULL || info->maxInputChannels < 1) {
        return err_set(err, ERR_UNAVAILABLE,
                       "there is no microphone: the sound system has no input device");
    }
    system->parameters = (PaStreamParameters){.device = device,
                                              .sampleFormat = paFloat32,
                                              .suggestedLatency = info->defaultHighInputLatency};
    choose_format(system, info);
    format->rate = (uint32_t)(system->rate + 0.5);
    format->channels = system->parameters.channelCount;
    snprintf(format->name, sizeof format->name, "%s", info->name);
    return true;
}

static bool system_open(struct microphone_driver *driver, struct microphone_format *format,
                        struct err *err)
{
    struct sound_system *system = (struct sound_system *)driver;
    if (pthread_mutex_trylock(&system->one) != 0) {
        return err_set(err, ERR_UNAVAILABLE, "the microphone is still being closed; once more");
    }
    hush(system);
    bool ready =
        load(err) && worked(functions.initialize(), "the sound system does not start", err);
    if (ready && find_device(system, format, err)) {
        return true;
    }
    if (ready) {
        functions.terminate();
    }
    speak_again(system);
    return false;
}

static bool system_start(struct microphone_driver *driver, microphone_sink *sink, void *context,
                         struct err *err)
{
    struct sound_system *system = (struct sound_system *)driver;
    system->sink = sink;
    system->context = context;
    system->stream = NULL;
    PaError error = functions.open_stream(&system->stream, &system->parameters, NULL, system->rate,
                                          paFramesPerBufferUnspecified, paNoFlag, deliver, system);
    if (!worked(error, "the microphone cannot be opened", err)) {
        system->stream = NULL;
        return false;
    }
    return worked(functions.start_stream(system->stream), "the microphone does not start", err);
}

static bool system_alive(struct microphone_driver *driver, struct err *err)
{
    struct sound_system *system = (struct sound_system *)driver;
    PaError active = functions.is_stream_active(system->stream);
    if (active == 1) {
        return true;
    }
    return err_set(err, ERR_IO, "%s",
                   active == 0 ? "its sound has ended" : functions.error_text(active));
}

static void system_close(struct microphone_driver *driver)
{
    struct sound_system *system = (struct sound_system *)driver;
    if (system->stream != NULL) {
        functions.abort_stream(system->stream);
        functions.close_stream(system->stream);
        system->stream = NULL;
    }
    functions.terminate();
    speak_again(system);
}

struct microphone_driver *sound_system_driver(void)
{
    static struct sound_system system = {
        .driver = {system_open, system_start, system_alive, system_close},
        .one = PTHREAD_MUTEX_INITIALIZER,
    };
    return &system.driver;
}
