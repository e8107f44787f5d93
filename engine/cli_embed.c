/* cli_embed: see cli_embed.h. */
#include "cli_embed.h"

#include <stddef.h>

#include "cli_audio.h"
#include "cli_image.h"
#include "cli_media.h"
#include "cli_npy.h"
#include "cli_options.h"

const char *cli_embed_refusal(const struct cli_options *options)
{
    const bool picture = options->images.count > 0;
    if (options->audios.count + options->images.count != 1) {
        return "embed takes one --image FILE or one --audio FILE";
    }
    if (options->output == NULL) {
        return "embed needs -o FILE";
    }
    if (picture ? options->mel : options->patches) {
        return picture ? "--mel is for a sound; of a picture there are --patches"
                       : "--patches is for a picture; of a sound there is --mel";
    }
    if (!picture && options->budget != 0) {
        return "--budget is for a picture";
    }
    if (!options->patches && !options->mel && cli_media_path(options) == NULL) {
        return picture ? "embed needs --mmproj FILE, a model that is a folder, or --patches"
                       : "embed needs --mmproj FILE, a model that is a folder, or --mel";
    }
    return NULL;
}

bool cli_embed(const struct cli_options *options, const struct engine_model_info *model,
               struct err *err)
{
    bool ok = options->images.count > 0 ? cli_image_embed(options, model, err)
                                        : cli_audio_embed(options, model, err);
    return ok && (!options->json || cli_npy_describe(options->output, err));
}
