/* analysed: put before each file by tests/lint/analyse, for what reads one file at a time: that these
 * functions always return false. It would else follow every `return err_set(...)` as a success with
 * nothing filled in. The files that define them are read without. */
#include "engine/load/json_reader.h"
#include "engine/engine_private.h"
#include "src/base/err.h"

#define err_set(...)            (err_set(__VA_ARGS__), false)
#define err_errno(...)          (err_errno(__VA_ARGS__), false)
#define err_prefix(...)         (err_prefix(__VA_ARGS__), false)
#define json_reader_refuse(...) (json_reader_refuse(__VA_ARGS__), false)
#define engine_refuse(...)      (engine_refuse(__VA_ARGS__), false)
#define engine_fail(...)        (engine_fail(__VA_ARGS__), false)
