/* command_sql: carat sql QUERY, rows of the store as JSON lines. */
#ifndef CARAT_COMMAND_COMMAND_SQL_H
#define CARAT_COMMAND_COMMAND_SQL_H

#include "app/exit_code.h"
#include "config/config.h"

enum exit_code command_sql(struct config *config);

#endif
