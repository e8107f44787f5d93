/* cli_info: see cli_info.h. */
#include "cli_info.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/visible.h"
#include "cli_json.h"
#include "engine/engine.h"

static void print_json(const struct engine_model_info *info)
{
    struct str name;
    str_init(&name);
    cli_json_append_text(&name, info->name);
    printf("{\"name\": %s, \"file_bytes\": %llu, \"fingerprint\": \"%016llx\", \"layers\": %d, "
           "\"hidden_size\": %d, \"vocabulary\": %d, \"context\": %d, \"sliding_window\": %d, "
           "\"per_layer_embeddings\": %s, \"kernels\": \"%s\", \"threads\": %d, "
           "\"sampling\": {\"temperature\": %g, \"top_k\": %d, \"top_p\": %g}, \"stop_ids\": ",
           name.data, (unsigned long long)info->file_bytes, (unsigned long long)info->fingerprint,
           info->layer_count, info->hidden_size, info->vocabulary_size, info->context_length,
           info->sliding_window, info->has_per_layer_embeddings ? "true" : "false", info->kernels,
           info->threads, (double)info->sampling.temperature, info->sampling.top_k,
           (double)info->sampling.top_p);
    cli_json_print_ids(info->stop_ids, info->stop_count);
    fputs(", \"suppressed_ids\": ", stdout);
    cli_json_print_ids(info->suppressed_ids, info->suppressed_count);
    puts("}");
    str_finish(&name);
}

void cli_info_print(const struct engine_model_info *info, bool json)
{
    struct str name;
    if (json) {
        print_json(info);
        return;
    }
    str_init(&name);
    visible_append(&name, info->name, strlen(info->name), VISIBLE_LINE);
    printf("name                  %s\n", name.data);
    printf("file bytes            %llu\n", (unsigned long long)info->file_bytes);
    printf("fingerprint           %016llx\n", (unsigned long long)info->fingerprint);
    printf("layers                %d\n", info->layer_count);
    printf("hidden size           %d\n", info->hidden_size);
    printf("vocabulary            %d\n", info->vocabulary_size);
    printf("context               %d\n", info->context_length);
    printf("sliding window        %d\n", info->sliding_window);
    printf("per-layer embeddings  %s\n", info->has_per_layer_embeddings ? "yes" : "no");
    printf("kernels               %s\n", info->kernels);
    printf("threads               %d\n", info->threads);
    printf("sampling              temperature %g, top-k %d, top-p %g\n",
           (double)info->sampling.temperature, info->sampling.top_k, (double)info->sampling.top_p);
    fputs("answers end with      ", stdout);
    cli_json_print_ids(info->stop_ids, info->stop_count);
    fputs("\nnever generated       ", stdout);
    cli_json_print_ids(info->suppressed_ids, info->suppressed_count);
    putchar('\n');
    str_finish(&name);
}
