#include "infer/backoff.h"

enum { ATTEMPT_MAX = 20 };

int64_t backoff_pause(int64_t base_ms, int attempt, int64_t asked_ms, uint32_t random)
{
    int64_t longest = base_ms << (attempt < ATTEMPT_MAX ? attempt : ATTEMPT_MAX);
    int64_t half = longest / 2;
    int64_t own = longest - half + (int64_t)(random % (uint64_t)(half + 1));
    int64_t wish = asked_ms > 0 ? asked_ms + (int64_t)(random % (uint64_t)(base_ms + 1)) : 0;
    return wish > own ? wish : own;
}
