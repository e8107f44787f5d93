/* sampling: one choice of values. The kernel's random numbers may not be ready just after boot; the
 * clock is good enough for a seed then. */
#include "agent/sampling.h"

#include <sys/random.h>

#include "base/clock.h"

struct infer_sampling sampling_choose(const struct agent_sampling *own,
                                      const struct infer_model *model)
{
    struct infer_sampling sampling = model->sampling;
    sampling.temperature = own->has_temperature ? own->temperature : sampling.temperature;
    sampling.top_k = own->has_top_k ? own->top_k : sampling.top_k;
    sampling.top_p = own->has_top_p ? own->top_p : sampling.top_p;
    sampling.min_p = own->has_min_p ? own->min_p : sampling.min_p;
    sampling.seed = own->seed;
    if (sampling.seed == 0 &&
        getrandom(&sampling.seed, sizeof sampling.seed, GRND_NONBLOCK) != sizeof sampling.seed) {
        sampling.seed = (uint64_t)clock_monotonic_us();
    }
    return sampling;
}
